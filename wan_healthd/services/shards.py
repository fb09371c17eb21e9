"""A shard against the index beside it: are the tensors there that the index places in it? Blocks. See `indices`."""

from __future__ import annotations

from msgspec import Struct

from wan_healthd.digest.bounded_reader import unpack
from wan_healthd.domain.evidence import HeaderFacts
from wan_healthd.domain.ports import Files
from wan_healthd.formats import safetensors, shard_index
from wan_healthd.formats.shard_index import ShardIndex
from wan_healthd.formats.strict_json import Malformed, TooMuch
from wan_healthd.formats.window import MAX_READ_BYTES
from wan_healthd.layouts.shards import MAX_INDEX_BYTES, SHARD


class Absent(Struct, frozen=True):
    """Names of tensors that the index places in the shard and that it has not: the first few, and how many they are."""

    names: tuple[str, ...] = ()
    total: int = 0


NONE = Absent()


def is_shard(path: bytes) -> bool:
    """Whether the file's name counts it among others, so that an index may speak of it."""
    return SHARD.fullmatch(path.rpartition(b"/")[2]) is not None


def absent_tensors(files: Files, root: bytes, path: bytes, header: HeaderFacts | None) -> Absent:
    """Compare the shard's header with `NAME.safetensors.index.json` beside it.

    Nothing where there is no index, it cannot be used (it is judged as a file of its own), or does not speak of this shard.
    """
    folder, _, name = path.rpartition(b"/")
    match = SHARD.fullmatch(name)
    if match is None or header is None or header.format != safetensors.FORMAT or header.packed_header is None:
        return NONE
    found = files.read_small(root, folder + b"/" + match[1] + match[4] + b".index.json", MAX_INDEX_BYTES)
    if found.data is None or len(found.data) > MAX_INDEX_BYTES:
        return NONE
    try:
        index = shard_index.parse(found.data)
        own = safetensors.tensor_names(unpack(header.packed_header, safetensors.MAX_HEADER_BYTES))
    except (Malformed, TooMuch, OSError):  # OSError: the header came broken out of the worker
        return NONE
    absent = shard_index.absent_keys(index, name.decode("utf-8", "surrogateescape"), own)
    return Absent(tuple(absent[: shard_index.MAX_SHOWN_KEYS]), len(absent))


def index_of(header: HeaderFacts) -> ShardIndex | None:
    """The index whose header was judged; None where it is faulty, or too large to be kept."""
    if header.packed_header is None:
        return None
    try:
        return shard_index.parse(unpack(header.packed_header, MAX_READ_BYTES))
    except (Malformed, TooMuch, OSError):  # it came broken out of the worker
        return None
