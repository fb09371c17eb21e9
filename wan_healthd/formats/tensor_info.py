"""One row of a safetensors header."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from wan_healthd.domain.paths import printable
from wan_healthd.formats.dtypes import Dtype

METADATA_KEY = "__metadata__"
"""The one key of the header that names no tensor."""
U64_MAX = 2**64 - 1
SHOWN_NAME_CHARS = 80

_Natural = Annotated[int, Meta(ge=0, le=2**63 - 1)]
"""Larger numbers are legal up to 2^64-1 but belong to no real file; the exact reader judges them."""


class TensorInfo(Struct, frozen=True, gc=False):
    """One row of the table. `data_offsets` are [begin, end) in bytes from the start of the payload."""

    dtype: Dtype
    shape: tuple[_Natural, ...]
    data_offsets: tuple[_Natural, _Natural]


TensorTable = dict[str, TensorInfo]


def shown(name: str) -> str:
    """A tensor's name for people: printable and short."""
    text = printable(name[:SHOWN_NAME_CHARS])
    return text if len(name) <= SHOWN_NAME_CHARS else text + "…"
