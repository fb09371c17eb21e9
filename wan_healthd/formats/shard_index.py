"""The index of a sharded model (`*.safetensors.index.json`): which tensor stands in which file.

Loaders trust it blindly: a key that its shard does not have stays empty without a word, and `total_size` is not looked at
(tried with diffusers on Wan's own model). So it is compared with the headers of the shards.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection

import msgspec
from msgspec import Struct

from wan_healthd.domain.evidence import HeaderFacts, HeaderFault
from wan_healthd.domain.paths import printable
from wan_healthd.formats import json_text
from wan_healthd.formats.strict_json import Malformed, TooMuch
from wan_healthd.formats.tensor_info import shown
from wan_healthd.formats.window import MAX_READ_BYTES, Window

FORMAT = "shard-index"
MAX_KEYS = 400_000
"""Tensors that an index may name before it is too much to judge; the largest published models have some 100,000."""
MAX_PACKED_BYTES = 4 << 20
MAX_FILE_NAME_BYTES = 255
"""What Linux allows."""
MAX_SHOWN_KEYS = 20


class ShardIndex(Struct, frozen=True):
    """Which file holds each tensor. `total_size` is the index's own sum of the tensors' bytes; None where it has none."""

    weight_map: dict[str, str]
    total_size: int | None

    @property
    def shards(self) -> tuple[str, ...]:
        """The files, sorted by name."""
        return tuple(sorted(set(self.weight_map.values())))


class _Document(Struct):
    weight_map: dict[str, str]
    metadata: msgspec.Raw = msgspec.Raw(b"null")


class _Metadata(Struct):
    total_size: msgspec.Raw = msgspec.Raw(b"null")


_DOCUMENT = msgspec.json.Decoder(_Document)
_METADATA = msgspec.json.Decoder(_Metadata)
_TOTAL = msgspec.json.Decoder(int | float)


def judge(window: Window) -> HeaderFacts:
    """Whether the file is an index; its text is kept, for `parse`."""
    facts = json_text.judge(window)
    if facts.fault is not None or facts.undecided is not None:
        return msgspec.structs.replace(facts, format=FORMAT)
    text = window.read(0, min(window.size_bytes, MAX_READ_BYTES + 1))
    try:
        index = parse(text)
    except Malformed as fault:
        return HeaderFacts(format=FORMAT, fault=HeaderFault(fault.code, fault.detail))
    except TooMuch:
        detail = f"the index has more than {MAX_READ_BYTES} bytes or {MAX_KEYS} keys"
        return HeaderFacts(format=FORMAT, undecided="header-too-large-to-judge", undecided_detail=detail)
    packed = zlib.compress(text, 6) if len(text) <= MAX_PACKED_BYTES else None
    return HeaderFacts(format=FORMAT, tensor_count=len(index.weight_map), packed_header=packed)


def parse(text: bytes) -> ShardIndex:
    """The index.

    Args:
        text: a JSON text, such as the unpacked `packed_header` that `judge` kept.

    Raises:
        Malformed: it is not the text of an index, or names a file that cannot stand beside it.
        TooMuch: it is longer, or has more keys, than are read.
    """
    if len(text) > MAX_READ_BYTES or text.count(b":") > MAX_KEYS:
        raise TooMuch
    try:
        document = _DOCUMENT.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed("not-an-index", f"the text is not a shard index: {printable(str(error))}") from error
    if not document.weight_map:
        raise Malformed("empty-index", "the weight map names no tensor")
    for name in set(document.weight_map.values()):
        _check_file_name(name)
    return ShardIndex(document.weight_map, _total_size(document.metadata))


def absent_keys(index: ShardIndex, shard: str, names: Collection[str]) -> list[str]:
    """Tensors that the index places in this shard and that are not among those that it has, sorted.

    Tensors that stand in a shard without being named by the index are no fault.
    """
    return sorted(key for key, place in index.weight_map.items() if place == shard and key not in names)


def _check_file_name(name: str) -> None:
    """A shard stands beside its index: anything else is a mistake or an attack, and no loader needs it."""
    is_plain = name not in ("", ".", "..") and "/" not in name and "\0" not in name
    if not is_plain or len(name.encode()) > MAX_FILE_NAME_BYTES:
        raise Malformed("shard-name", f"the weight map names a file that cannot stand beside the index: {shown(name)}")


def _total_size(metadata: msgspec.Raw) -> int | None:
    """The stated sum; None where it is absent, or of a form that only a human could mean."""
    try:
        total = _TOTAL.decode(_METADATA.decode(metadata).total_size)
    except msgspec.DecodeError:
        return None
    return int(total) if total == total // 1 and 0 <= total < 1 << 63 else None
