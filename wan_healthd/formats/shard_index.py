"""The index of a sharded model (`*.safetensors.index.json`): which tensor stands in which file.

Loaders trust it blindly: a key that its shard does not have stays empty without a word, and `total_size` is not looked at
(tried with diffusers on Wan's own model). So it is compared with the headers of the shards.
"""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Mapping, Sequence

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


class AbsentKeys(Struct, frozen=True):
    """Tensors that a shard should have and has not: the first of their names, sorted, and how many they are."""

    shard: str
    names: tuple[str, ...]
    total: int


class ShardFacts(Struct, frozen=True):
    """An index against the headers of its shards.

    Args:
        missing_shards: files that the index names and that are not there (or have no readable header), sorted.
        absent_keys: by shard, tensors that the index expects in it; only of shards that are there.
        declared_total: `total_size` of the index; None where it has none.
        actual_total: bytes of all tensors in the shards; None while a shard is missing.
    """

    missing_shards: tuple[str, ...]
    absent_keys: tuple[AbsentKeys, ...]
    declared_total: int | None
    actual_total: int | None

    @property
    def total_differs(self) -> bool:
        """Whether the two totals are known and not the same: worth a warning, for loaders do not care."""
        return None not in (self.declared_total, self.actual_total) and self.declared_total != self.actual_total


class _Document(Struct):
    weight_map: dict[str, str]
    metadata: msgspec.Raw = msgspec.Raw(b"null")


class _Metadata(Struct):
    total_size: msgspec.Raw = msgspec.Raw(b"null")


_DOCUMENT = msgspec.json.Decoder(_Document)
_METADATA = msgspec.json.Decoder(_Metadata)
_TOTAL = msgspec.json.Decoder(int | float)


def judge(window: Window) -> HeaderFacts:
    """Whether the file is an index; its text is kept, for `parse` and `compare`."""
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


def compare(index: ShardIndex, tables: Mapping[str, Mapping[str, int]]) -> ShardFacts:
    """The index against what its shards have. Tensors that stand in a shard without being named are no fault.

    Args:
        index: the index.
        tables: for each shard that is there, the bytes of each of its tensors.
    """
    expected = defaultdict(list)
    for key, shard in index.weight_map.items():
        expected[shard].append(key)
    missing = tuple(shard for shard in index.shards if shard not in tables)
    absent = (_absent(shard, expected[shard], tables[shard]) for shard in index.shards if shard in tables)
    actual = None if missing else sum(sum(tables[shard].values()) for shard in index.shards)
    return ShardFacts(
        missing_shards=missing,
        absent_keys=tuple(item for item in absent if item.total),
        declared_total=index.total_size,
        actual_total=actual,
    )


def _absent(shard: str, expected: Sequence[str], table: Mapping[str, int]) -> AbsentKeys:
    absent = sorted(key for key in expected if key not in table)
    return AbsentKeys(shard, tuple(absent[:MAX_SHOWN_KEYS]), len(absent))


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
