"""Files of torch before 1.6: five pickles, then each storage as a count of elements and their bytes.

The format checks nothing itself, and its pickles are only walked over, never run. What can be proved is that a file ends too
early: inside its pickles, or because no sequence of storages of the element sizes that it mentions fits into it.

Source: `_legacy_save` and `_legacy_load` in torch 2.13's serialization.py.
"""

from __future__ import annotations

from msgspec import Struct

from wan_healthd.domain.evidence import HeaderFacts, HeaderFault
from wan_healthd.formats.cursor import Cursor, OverBudget, Short
from wan_healthd.formats.pickle_walk import PickleWalker, UnknownInstruction, Walk
from wan_healthd.formats.strict_json import TooMuch
from wan_healthd.formats.window import MAX_FILE_BYTES, Window

FORMAT = "torch-legacy"
MAGIC = bytes.fromhex("8a0a6cfc9c46f9206aa850192e")
"""The pickled magic number, behind the two bytes that state the pickle's protocol."""
PROTOCOLS = (b"\x80\x02", b"\x80\x03")

MAX_STORAGES_READ = 4096
"""Counts of elements that are looked at; each costs a read somewhere else in the file."""
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


class _Fit(Struct, frozen=True):
    """Whether the storages can fit; `end` is where the last one must end, if there is only one answer to that."""

    fits: bool
    end: int | None


def has_magic(head: bytes) -> bool:
    """Whether a file that begins so is one of these, or the beginning of one that was cut."""
    return any((protocol + MAGIC).startswith(head[: len(protocol + MAGIC)]) for protocol in PROTOCOLS)


def judge(window: Window) -> HeaderFacts:
    """What can be said without running the pickles."""
    cursor = Cursor(window)
    try:
        fault = _judge_start(cursor)
        return _judge_rest(window, cursor) if fault is None else HeaderFacts(format=FORMAT, fault=fault)
    except Short:
        return HeaderFacts(format=FORMAT, fault=HeaderFault("truncated", "the file ends inside the pickles that describe it"))
    except UnknownInstruction as unknown:
        return HeaderFacts(format=FORMAT, undecided="unknown-to-us", undecided_detail=str(unknown))
    except (TooMuch, OverBudget) as excess:
        detail = str(excess) or "pickles that are longer than is read of one file"
        return HeaderFacts(format=FORMAT, undecided="header-too-large-to-judge", undecided_detail=detail)


def _judge_start(cursor: Cursor) -> HeaderFault | None:
    """The magic number and the version, which are a pickle each."""
    protocol = cursor.take(2)
    if protocol not in PROTOCOLS or cursor.take(len(MAGIC)) != MAGIC:
        return HeaderFault("not-legacy-torch", "the file does not begin like one of old PyTorch versions")
    version = cursor.take(len(protocol) + len(_VERSION))
    if version == protocol + _VERSION:
        return None
    body = version.removeprefix(protocol)
    if (body[:1], body[-1:]) == _PICKLED_INT16:
        return HeaderFault("protocol-version", f"the file states version {int.from_bytes(body[1:3], 'little')} instead of 1001")
    raise UnknownInstruction("the file states its version in an unknown way")


def _judge_rest(window: Window, cursor: Cursor) -> HeaderFacts:
    walker = PickleWalker(cursor)
    walker.walk()  # about the machine that wrote it
    saved, keys = walker.walk(), walker.walk()
    fit = _fit(window, cursor.offset, keys, _sizes(saved))
    if fit.fits:
        return HeaderFacts(format=FORMAT, declared_bytes=fit.end, payload_offset=cursor.offset)
    detail = f"the file is too short for its {keys.strings} storages"
    fault = HeaderFault("truncated", detail)
    return HeaderFacts(format=FORMAT, fault=fault, declared_bytes=fit.end, payload_offset=cursor.offset)


def _sizes(saved: Walk) -> tuple[int, ...]:
    """Sizes that an element of a storage may have, in bytes; empty where that is not known."""
    types = saved.storage_types
    if types is None or not types <= _ELEMENT_BYTES.keys():
        return ()
    return tuple(sorted({_ELEMENT_BYTES[name] for name in types}))


def _fit(window: Window, offset: int, keys: Walk, sizes: tuple[int, ...]) -> _Fit:
    """Whether the storages fit between `offset` and the end of the file, whichever of `sizes` each of them has."""
    count = keys.strings
    if not keys.is_list_of_strings or (count and not sizes):
        return _Fit(fits=True, end=None)
    if not count:
        return _Fit(fits=True, end=offset)
    open_ends = [(0, offset)]
    seen = set(open_ends)
    end: int | None = None
    for _ in range(MAX_STORAGES_READ):
        if not open_ends:
            return _Fit(fits=False, end=end)
        number, begin = open_ends.pop()
        ends = _ends(window, begin, sizes)
        if number + 1 == count:
            end = ends[0] if len(sizes) == 1 and ends else None
            if any(item <= window.size_bytes for item in ends):
                return _Fit(fits=True, end=end)
            continue
        fresh = {(number + 1, item) for item in ends if item < window.size_bytes} - seen
        seen |= fresh
        open_ends += sorted(fresh)
    return _Fit(fits=True, end=None)


def _ends(window: Window, begin: int, sizes: tuple[int, ...]) -> tuple[int, ...]:
    """Where the storage that begins here may end; nowhere if its count is cut, or is one that no file can hold."""
    count = window.read(begin, COUNT_BYTES)
    if len(count) < COUNT_BYTES:
        return ()
    ends = (begin + COUNT_BYTES + int.from_bytes(count, "little") * size for size in sizes)
    return tuple(end for end in ends if end <= MAX_FILE_BYTES)
