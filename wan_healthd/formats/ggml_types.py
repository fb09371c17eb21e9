"""Element types of GGUF tensors: how many elements one block holds, and how many bytes it takes.

Source: ggml's type traits as of October 2025 (ggml.h, ggml-common.h), compared with gguf-py 0.19. Left out on purpose, so
that a tensor of such a type means that we cannot judge: types whose support was removed (4, 5, 31-33, 36-38), and Q8_1 (9),
which no file should hold and of whose size the two disagree (36 and 40 bytes).
"""

from __future__ import annotations

from typing import NamedTuple


class BlockSize(NamedTuple):
    """Elements and bytes of one block."""

    elements: int
    size_bytes: int


BLOCKS: dict[int, BlockSize] = {
    0: BlockSize(1, 4),  # F32
    1: BlockSize(1, 2),  # F16
    2: BlockSize(32, 18),  # Q4_0
    3: BlockSize(32, 20),  # Q4_1
    6: BlockSize(32, 22),  # Q5_0
    7: BlockSize(32, 24),  # Q5_1
    8: BlockSize(32, 34),  # Q8_0
    10: BlockSize(256, 84),  # Q2_K
    11: BlockSize(256, 110),  # Q3_K
    12: BlockSize(256, 144),  # Q4_K
    13: BlockSize(256, 176),  # Q5_K
    14: BlockSize(256, 210),  # Q6_K
    15: BlockSize(256, 292),  # Q8_K
    16: BlockSize(256, 66),  # IQ2_XXS
    17: BlockSize(256, 74),  # IQ2_XS
    18: BlockSize(256, 98),  # IQ3_XXS
    19: BlockSize(256, 50),  # IQ1_S
    20: BlockSize(32, 18),  # IQ4_NL
    21: BlockSize(256, 110),  # IQ3_S
    22: BlockSize(256, 82),  # IQ2_S
    23: BlockSize(256, 136),  # IQ4_XS
    24: BlockSize(1, 1),  # I8
    25: BlockSize(1, 2),  # I16
    26: BlockSize(1, 4),  # I32
    27: BlockSize(1, 8),  # I64
    28: BlockSize(1, 8),  # F64
    29: BlockSize(256, 56),  # IQ1_M
    30: BlockSize(1, 2),  # BF16
    34: BlockSize(256, 54),  # TQ1_0
    35: BlockSize(256, 66),  # TQ2_0
    39: BlockSize(32, 17),  # MXFP4
    40: BlockSize(64, 36),  # NVFP4
    41: BlockSize(128, 18),  # Q1_0
    42: BlockSize(64, 18),  # Q2_0
}
