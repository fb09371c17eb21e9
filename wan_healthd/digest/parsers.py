"""The formats whose headers can be judged, one line each; their rules are in `wan_healthd.formats`, which reads nothing."""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from wan_healthd.digest.bounded_reader import BoundedReader, unpack
from wan_healthd.domain.evidence import HeaderFacts
from wan_healthd.domain.extents import ByteRange
from wan_healthd.domain.ports import TouchedTensors
from wan_healthd.formats import (
    gguf,
    impostors,
    json_text,
    onnx,
    safetensors,
    sentencepiece,
    shard_index,
    torch,
    torch_legacy,
    torch_zip,
    vocabulary,
)
from wan_healthd.formats.touching import NOTHING_TOUCHED
from wan_healthd.formats.window import MAX_READ_BYTES, Window


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
        impostor = impostors.judge_weights(safetensors.FORMAT, reader)
        if impostor is not None:
            return impostor
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


class WindowParser:
    """A format that does all by itself: `judge`, and `touched` where it can name what lies in a range."""

    def __init__(
        self,
        judge: Callable[[Window], HeaderFacts],
        touched: Callable[[bytes, Sequence[ByteRange]], TouchedTensors] | None = None,
    ) -> None:
        self._judge = judge
        self._touched = touched

    def judge(self, reader: BoundedReader) -> HeaderFacts:
        """See `Parser`."""
        return self._judge(reader)

    def locate(self, packed_header: bytes, ranges: Sequence[ByteRange]) -> TouchedTensors:
        """See `Parser`."""
        if self._touched is None:
            return NOTHING_TOUCHED
        return self._touched(unpack(packed_header, MAX_READ_BYTES), ranges)


PARSERS: Mapping[str, Parser] = {
    safetensors.FORMAT: SafetensorsParser(),
    gguf.FORMAT: WindowParser(gguf.judge, gguf.touched),
    onnx.FORMAT: WindowParser(onnx.judge),
    sentencepiece.FORMAT: WindowParser(sentencepiece.judge),
    json_text.FORMAT: WindowParser(json_text.judge),
    shard_index.FORMAT: WindowParser(shard_index.judge),
    vocabulary.FORMAT: WindowParser(vocabulary.judge),
    torch.FORMAT: WindowParser(torch.judge),
    torch_zip.FORMAT: WindowParser(torch_zip.judge, torch_zip.touched),
    torch_legacy.FORMAT: WindowParser(torch_legacy.judge, torch_legacy.touched),
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
