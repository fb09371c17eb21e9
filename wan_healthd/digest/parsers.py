"""The formats whose headers can be judged, one line each; their rules are in `wan_healthd.formats`, which reads nothing."""

from __future__ import annotations

import errno
from collections.abc import Mapping, Sequence
from typing import Protocol

from wan_healthd.digest.bounded_reader import BoundedReader, unpack
from wan_healthd.domain.evidence import HeaderFacts
from wan_healthd.domain.extents import ByteRange
from wan_healthd.domain.ports import TouchedTensors
from wan_healthd.formats import safetensors


class Parser(Protocol):
    """Joins a format's pure rules with an open file. Raises OSError where the file cannot be read."""

    def judge(self, reader: BoundedReader) -> HeaderFacts:
        """Judge the header; reads no more than the format's bound."""

    def locate(self, packed_header: bytes, ranges: Sequence[ByteRange]) -> TouchedTensors:
        """Name the tensors that the ranges touch; `packed_header` is as `judge` returned it."""


class SafetensorsParser:
    """See `wan_healthd.formats.safetensors`."""

    def judge(self, reader: BoundedReader) -> HeaderFacts:
        """See `Parser`."""
        length = safetensors.judge_length(reader.read(0, safetensors.LENGTH_BYTES), reader.size_bytes)
        if isinstance(length, HeaderFacts):
            return length
        header = reader.read(safetensors.LENGTH_BYTES, length)
        if len(header) < length:
            raise OSError(errno.ESTALE, "the file became shorter while its header was read")
        return safetensors.judge(header, reader.size_bytes)

    def locate(self, packed_header: bytes, ranges: Sequence[ByteRange]) -> TouchedTensors:
        """See `Parser`."""
        return safetensors.tensors_touched(unpack(packed_header, safetensors.MAX_HEADER_BYTES), ranges)


PARSERS: Mapping[str, Parser] = {
    safetensors.FORMAT: SafetensorsParser(),
}


def parser_of(format_name: str) -> Parser:
    """The parser of that name.

    Raises:
        OSError: ENOTSUP, if there is none.
    """
    try:
        return PARSERS[format_name]
    except KeyError:
        raise OSError(errno.ENOTSUP, f"no parser is called {format_name!r}") from None
