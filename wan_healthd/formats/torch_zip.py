"""Zip archives of torch: state dicts (`torch.save`) and TorchScript. Nothing is unpickled and nothing inflated.

Accepts what torch 2.13 opens (`inline_container.cc` over miniz), with these exceptions, none of which an intact model meets:
parts of the archive that contradict one another are faults even where torch reads only one of them, since that is how damage
shows; what may be a sound archive of a kind that we cannot check (encryption, other compression) stays undecided. Up to 64 KiB
behind the archive are tolerated, as torch does.
"""

from __future__ import annotations

from collections.abc import Sequence

from wan_healthd.domain.evidence import HeaderFacts, HeaderFault, Section
from wan_healthd.domain.extents import ByteRange
from wan_healthd.domain.paths import display
from wan_healthd.domain.ports import TouchedTensors
from wan_healthd.formats.strict_json import Malformed, TooMuch
from wan_healthd.formats.touching import MAX_NAME_CHARS, TensorMap, pack_map, touched_in_map
from wan_healthd.formats.window import Window
from wan_healthd.formats.zip_directory import DEFLATED, Directory, Entry, read_directory
from wan_healthd.formats.zip_payloads import Payload, locate

FORMAT = "torch-zip"
MAGIC = b"PK\3\4"
MAX_NAMES_CHARS = 2 << 20
"""Bound on all names together: the answer must fit into one frame of the worker."""

CHECKED_INFLATION = 128
"""What claims to grow more than this is not inflated, which would cost time out of proportion, and so the file not judged."""
ALWAYS_CHECKED_BYTES = 1 << 20

_ROOTS = (b"data.pkl", b"model.json", b"archive_format", b".data/extern_modules")
"""What the kinds of archives that torch writes begin with: state dicts and TorchScript, old TorchScript, exported programs,
packages."""
_VERSIONS = (b"version", b".data/version")
_TORCHSCRIPT_ONLY = b"constants.pkl"


def judge(window: Window) -> HeaderFacts:
    """What the archive's directory says, and whether the file can be what it says."""
    if window.read(0, len(MAGIC)) != MAGIC:
        return _faulty("not-a-zip", "the file does not begin like a zip archive")
    try:
        directory = read_directory(window)
        payloads = locate(window, directory)
        root = _root_folder(directory)
        names = _names(payloads)
    except Malformed as fault:
        return _faulty(fault.code, fault.detail)
    except TooMuch as excess:
        return _undecided("header-too-large-to-judge", str(excess))
    for entry in directory.entries:
        if (reason := entry.unsupported) is not None:
            return _undecided("unknown-to-us", reason)
        if not _is_checkable(entry):
            grows = f"entry {entry.label} claims to inflate from {entry.stored_bytes} to {entry.size_bytes} bytes"
            return _undecided("header-too-large-to-judge", grows)
    return HeaderFacts(
        format=FORMAT,
        declared_bytes=directory.archive_bytes,
        tensor_count=sum(_is_tensor(payload, root) for payload in payloads),
        sections=_sections(payloads, names),
        packed_header=pack_map(_map(payloads, names)),
    )


def touched(packed: bytes, ranges: Sequence[ByteRange]) -> TouchedTensors:
    """Which entries hold bytes of the given ranges; `packed` is the unpacked `packed_header` of `judge`."""
    return touched_in_map(packed, ranges)


def _root_folder(directory: Directory) -> bytes:
    """The folder that all records of a torch archive stand in: that of the first entry."""
    if not directory.entries:
        raise Malformed("not-torch-archive", "the zip archive is empty")
    names = {entry.name for entry in directory.entries}
    root, slash, _ = directory.entries[0].name.partition(b"/")
    prefix = root + slash
    if not slash or not any(prefix + name in names for name in _VERSIONS):
        raise Malformed("not-torch-archive", "the file is a zip archive, but not one of PyTorch: it states no version")
    if not any(prefix + name in names for name in _ROOTS):
        raise Malformed("not-torch-archive", "the file is a zip archive, but not one of PyTorch: it has no data.pkl")
    if prefix + _TORCHSCRIPT_ONLY not in names and (stray := _stray(directory, prefix)) is not None:
        raise Malformed("not-torch-archive", f"entry {display(stray)[:MAX_NAME_CHARS]} stands outside the archive's folder")
    return root


def _stray(directory: Directory, prefix: bytes) -> bytes | None:
    """An entry outside the folder: `torch.load` refuses these archives, `torch.jit.load` does not."""
    return next((entry.name for entry in directory.entries if not entry.name.startswith(prefix)), None)


def _names(payloads: Sequence[Payload]) -> list[str]:
    names = [display(payload.entry.name[: 4 * MAX_NAME_CHARS])[:MAX_NAME_CHARS] for payload in payloads]  # 4 bytes at most
    if sum(len(name.encode()) for name in names) > MAX_NAMES_CHARS:
        raise TooMuch(f"the names of {len(names)} entries")
    return names


def _is_tensor(payload: Payload, root: bytes) -> bool:
    name = payload.entry.name
    return name.startswith(root + b"/data/") and not name.endswith(b"/")


def _sections(payloads: Sequence[Payload], names: Sequence[str]) -> tuple[Section, ...]:
    """All zeros are no CRCs at all: saved with `torch.serialization.set_crc32_options(False)`."""
    if not any(payload.entry.crc32 for payload in payloads):
        return ()
    return tuple(_section(payload, name) for payload, name in zip(payloads, names, strict=True))


def _is_checkable(entry: Entry) -> bool:
    return entry.size_bytes <= max(ALWAYS_CHECKED_BYTES, CHECKED_INFLATION * entry.stored_bytes)


def _section(payload: Payload, name: str) -> Section:
    entry = payload.entry
    return Section(
        name=name,
        offset=payload.offset,
        length=entry.stored_bytes,
        crc32=entry.crc32,
        is_deflated=entry.method == DEFLATED,
        size_bytes=entry.size_bytes,
    )


def _map(payloads: Sequence[Payload], names: Sequence[str]) -> TensorMap:
    return TensorMap(
        payload_offset=payloads[0].offset,
        names=list(names),
        begins=[payload.offset for payload in payloads],
        ends=[payload.end for payload in payloads],
    )


def _faulty(code: str, detail: str) -> HeaderFacts:
    return HeaderFacts(format=FORMAT, fault=HeaderFault(code, detail))


def _undecided(reason: str, detail: str) -> HeaderFacts:
    return HeaderFacts(format=FORMAT, undecided=reason, undecided_detail=detail)
