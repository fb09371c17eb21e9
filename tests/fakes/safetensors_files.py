"""Makes safetensors files in memory, without numpy or torch."""

from __future__ import annotations

import json
import random
import struct
from collections.abc import Mapping, Sequence

from wan_healthd.formats.dtypes import ELEMENT_BITS

_LAYERS = (
    "self_attn.q.weight",
    "self_attn.k.weight",
    "self_attn.v.weight",
    "self_attn.o.weight",
    "ffn.0.weight",
    "ffn.2.weight",
)


def pack(header: bytes, payload: bytes = b"") -> bytes:
    """A file of exactly this header, valid or not."""
    return struct.pack("<Q", len(header)) + header + payload


def make(tensors: Mapping[str, tuple[str, Sequence[int], bytes]], metadata: Mapping[str, str] | None = None) -> bytes:
    """A file of the given tensors (dtype, shape, bytes), in that order, padded to 8 bytes as the usual writers do."""
    table: dict[str, object] = {} if metadata is None else {"__metadata__": dict(metadata)}
    end = 0
    for name, (dtype, shape, content) in tensors.items():
        table[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [end, end + len(content)]}
        end += len(content)
    header = json.dumps(table, separators=(",", ":"), ensure_ascii=False).encode()
    header += b" " * (-len(header) % 8)
    return pack(header, b"".join(content for _, _, content in tensors.values()))


def sample(seed: int, size_bytes: int, tensors: int) -> bytes:
    """A file of about `size_bytes` (within some hundred bytes for each tensor) of random-looking BF16; the same for a seed."""
    random_bytes = random.Random(seed).randbytes
    columns = 64
    rows = max(1, size_bytes // (tensors * columns * ELEMENT_BITS["BF16"] // 8))
    named = (f"blocks.{index // len(_LAYERS)}.{_LAYERS[index % len(_LAYERS)]}" for index in range(tensors))
    return make(
        {name: ("BF16", (rows, columns), random_bytes(rows * columns * 2)) for name in named},
        metadata={"format": "pt"},
    )
