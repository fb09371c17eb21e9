"""Files of torch before 1.6: five pickles, then each storage as a count of elements and their bytes.

The pickles are only walked over, never run. The fourth one says of each storage which type and how many elements it has, the
fifth in which order they follow; so each has its place, and the file its size. A count that differs from the fourth pickle's is
a fault: torch refuses it ("storage has wrong byte size"), unless its product with the size of an element overflows to the
right one; but nobody writes such counts. What stands behind the last storage is no fault: torch ignores it.

Source: `_legacy_save` and `_legacy_load` in torch 2.13's serialization.py, `THPStorage_readFileRaw` in its serialization.cpp.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from wan_healthd.domain.evidence import HeaderFacts, HeaderFault
from wan_healthd.domain.extents import ByteRange
from wan_healthd.domain.paths import display
from wan_healthd.domain.ports import TouchedTensors
from wan_healthd.formats.cursor import Cursor, OverBudget, Short
from wan_healthd.formats.pickle_values import StorageNeed
from wan_healthd.formats.pickle_walk import PickleWalker, UnknownInstruction, Walk
from wan_healthd.formats.strict_json import Malformed, TooMuch
from wan_healthd.formats.touching import TensorMap, pack_map, touched_in_map, touched_of
from wan_healthd.formats.window import MAX_FILE_BYTES, Window
from wan_healthd.formats.zip_end import exactly

FORMAT = "torch-legacy"
MAGIC = bytes.fromhex("8a0a6cfc9c46f9206aa850192e")
"""The pickled magic number, behind what states the pickle's protocol."""
PROTOCOLS = (2, 3, 4, 5)
"""Of pickles. torch writes 2 unless it is told otherwise."""
_FRAMED_PROTOCOL = 4
"""From this one on, short pickles begin with their length too."""
_PROTO, _FRAME = b"\x80", b"\x95"

MAX_COUNTS_READ = 4096
"""Counts of elements that are compared; each costs a read somewhere else in the file."""
COUNT_BYTES = 8

_VERSION = b"M\xe9\x03."
"""1001, pickled: the only version there ever was."""
_PICKLED_INT16 = (b"M", b".")

_ELEMENT_BYTES = {
    b"BoolStorage": 1,
    b"ByteStorage": 1,
    b"CharStorage": 1,
    b"QInt8Storage": 1,
    b"QUInt8Storage": 1,
    b"QUInt4x2Storage": 1,
    b"QUInt2x4Storage": 1,
    b"UntypedStorage": 1,
    b"ShortStorage": 2,
    b"HalfStorage": 2,
    b"BFloat16Storage": 2,
    b"IntStorage": 4,
    b"FloatStorage": 4,
    b"QInt32Storage": 4,
    b"LongStorage": 8,
    b"DoubleStorage": 8,
    b"ComplexFloatStorage": 8,
    b"ComplexDoubleStorage": 16,
}


class _Storage(Struct, frozen=True, gc=False):
    """A storage and its place: `begin` is where its count stands, `end` is behind its bytes. Offsets from the file's start."""

    name: str
    elements: int
    begin: int
    end: int


def has_magic(head: bytes) -> bool:
    """Whether a file that begins so is one of these, or the beginning of one that was cut."""
    beginnings = (_pickled(MAGIC, protocol) for protocol in PROTOCOLS)
    return any(beginning.startswith(head[: len(beginning)]) for beginning in beginnings)


def _pickled(body: bytes, protocol: int) -> bytes:
    """A short pickle as a whole."""
    frame = _FRAME + len(body).to_bytes(8, "little") if protocol >= _FRAMED_PROTOCOL else b""
    return _PROTO + bytes((protocol,)) + frame + body


def judge(window: Window) -> HeaderFacts:
    """What can be said without running the pickles."""
    cursor = Cursor(window)
    try:
        fault = _judge_start(cursor)
        return _judge_rest(window, cursor) if fault is None else HeaderFacts(format=FORMAT, fault=fault)
    except Short:
        return HeaderFacts(format=FORMAT, fault=HeaderFault("truncated", "the file ends inside the pickles that describe it"))
    except Malformed as fault:
        return HeaderFacts(format=FORMAT, fault=HeaderFault(fault.code, fault.detail))
    except UnknownInstruction as unknown:
        return HeaderFacts(format=FORMAT, undecided="unknown-to-us", undecided_detail=str(unknown))
    except (TooMuch, OverBudget) as excess:
        detail = str(excess) or "pickles that are longer than is read of one file"
        return HeaderFacts(format=FORMAT, undecided="header-too-large-to-judge", undecided_detail=detail)


def _judge_start(cursor: Cursor) -> HeaderFault | None:
    """The magic number and the version, which are a pickle each."""
    start = cursor.take(2)
    protocol = start[1]
    rest = _pickled(MAGIC, protocol)[2:]
    if start[:1] != _PROTO or protocol not in PROTOCOLS or cursor.take(len(rest)) != rest:
        return HeaderFault("not-legacy-torch", "the file does not begin like one of old PyTorch versions")
    stated = _pickled(_VERSION, protocol)
    version = cursor.take(len(stated))
    if version == stated:
        return None
    body = version.removeprefix(stated[: -len(_VERSION)])
    if (body[:1], body[-1:]) == _PICKLED_INT16:
        return HeaderFault("protocol-version", f"the file states version {int.from_bytes(body[1:3], 'little')} instead of 1001")
    raise UnknownInstruction("the file states its version in an unknown way")


def touched(packed: bytes, ranges: Sequence[ByteRange]) -> TouchedTensors:
    """Which tensors hold bytes of the given ranges; `packed` is the unpacked `packed_header` of `judge`."""
    return touched_in_map(packed, ranges)


def _judge_rest(window: Window, cursor: Cursor) -> HeaderFacts:
    walker = PickleWalker(cursor)
    walker.walk()  # about the machine that wrote it
    saved, keys = walker.walk(), walker.walk()
    storages = _lay_out(saved, _listed(keys), cursor.offset)
    tensors = _map(storages, cursor.offset)
    end = storages[-1].end if storages else cursor.offset
    lost = touched_of(tensors, [ByteRange(window.size_bytes, end - window.size_bytes)])
    return HeaderFacts(
        format=FORMAT,
        fault=_fault(window, storages, end),
        declared_bytes=end if end <= MAX_FILE_BYTES else None,
        payload_offset=cursor.offset,
        tensor_count=len(storages),
        packed_header=pack_map(tensors) if end <= MAX_FILE_BYTES else None,
        lost_tensors=lost.names,
        lost_tensors_total=lost.total,
    )


def _listed(keys: Walk) -> tuple[bytes, ...]:
    """The storages' keys in the order of the file."""
    texts = tuple(text for text in keys.texts if text is not None)
    if not keys.is_list_of_strings or len(texts) < len(keys.texts) or len(set(texts)) < len(texts):
        raise UnknownInstruction("the file lists its storages in an unknown way")
    return texts


def _lay_out(saved: Walk, keys: Sequence[bytes], offset: int) -> list[_Storage]:
    """Each storage in its place, the first one at `offset`."""
    if saved.storages is None:
        raise UnknownInstruction("the file refers to its storages in an unknown way")
    if saved.storages.keys() != set(keys):
        raise Malformed("storage-list", f"the file lists {len(keys)} storages, but its tensors need other ones")
    storages = []
    for key in keys:
        need = saved.storages[key]
        end = offset + COUNT_BYTES + need.elements * _element_bytes(need)
        storages.append(_Storage(_name(key, saved.names), need.elements, offset, end))
        offset = end
    return storages


def _element_bytes(need: StorageNeed) -> int:
    try:
        return _ELEMENT_BYTES[need.type_name]
    except KeyError:
        raise UnknownInstruction(f"the file has storages of an unknown type: {display(need.type_name)}") from None


def _name(key: bytes, names: Mapping[bytes, bytes]) -> str:
    name = names.get(key)
    return display(b"storage " + key if name is None else name)


def _map(storages: Sequence[_Storage], payload_offset: int) -> TensorMap:
    return TensorMap(
        payload_offset=payload_offset,
        names=[storage.name for storage in storages],
        begins=[storage.begin for storage in storages],
        ends=[storage.end for storage in storages],
    )


def _fault(window: Window, storages: Sequence[_Storage], end: int) -> HeaderFault | None:
    if end > window.size_bytes:
        return HeaderFault("truncated", f"the file is too short for its {len(storages)} storages")
    for storage in storages[:MAX_COUNTS_READ]:
        count = int.from_bytes(exactly(window, storage.begin, COUNT_BYTES), "little", signed=True)
        if count != storage.elements:
            detail = f"the storage of {storage.name} states {count} elements, but the file says that it has {storage.elements}"
            return HeaderFault("storage-count", detail)
    return None
