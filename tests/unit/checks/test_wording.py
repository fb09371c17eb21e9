"""How findings speak of bytes."""

from __future__ import annotations

import pytest

from wan_healthd.checks.wording import amount, blocks, tensors
from wan_healthd.domain.digests import BLOCK_BYTES
from wan_healthd.domain.extents import ByteRange


@pytest.mark.parametrize(
    ("ranges", "words"),
    [
        ([ByteRange(7, 1)], "1 byte at offset 7"),
        ([ByteRange(0, 4096)], "4096 bytes at offset 0"),
        ([ByteRange(8, 2), ByteRange(90, 3)], "5 bytes in 2 places, from offset 8"),
    ],
)
def test_amounts(ranges: list[ByteRange], words: str) -> None:
    assert amount(ranges) == words


@pytest.mark.parametrize(
    ("ranges", "words"),
    [
        ([ByteRange(BLOCK_BYTES - 1, 1)], "block 0 (1 byte at offset 1048575)"),
        ([ByteRange(BLOCK_BYTES - 1, 2)], "blocks 0 to 1 (2 bytes at offset 1048575)"),
        ([ByteRange(0, 1), ByteRange(9 * BLOCK_BYTES, 1)], "blocks 0 to 9 (2 bytes in 2 places, from offset 0)"),
        ([ByteRange(2 * BLOCK_BYTES, 0)], "block 2 (0 bytes at offset 2097152)"),
    ],
)
def test_blocks(ranges: list[ByteRange], words: str) -> None:
    assert blocks(ranges) == words


@pytest.mark.parametrize(
    ("names", "total", "in_header", "words"),
    [
        ([], 0, False, ""),
        ([], 0, True, ", touching the header"),
        (["a.weight"], 1, False, ", touching tensor a.weight"),
        (["a.weight", "b"], 300, True, ", touching the header and tensor a.weight and 299 more"),
        (["n" * 81], 1, False, f", touching tensor {'n' * 80}…"),
    ],
)
def test_tensors(names: list[str], total: int, in_header: bool, words: str) -> None:
    assert tensors(names, total, in_header=in_header) == words
