"""Every finding, declared once: code, category, type, severity, text, suggestion.

A new finding is one constant here and one check in `wan_healthd.checks`. Codes are stable: scripts match on them.
"""

from __future__ import annotations

from msgspec import Struct

from wan_healthd.domain.finding_kind import FindingKind
from wan_healthd.domain.findings import Category, CorruptionType, Finding, Severity

FILE_MISSING = FindingKind(
    code="file-missing",
    category=Category.STORAGE,
    corruption_type=CorruptionType.FILE_MISSING,
    severity=Severity.HIGH,
    text="{name} is missing: {what}",
    suggestion="restore the file or download it again; if it was removed on purpose, accept that with `healthctl trust`",
)
MODEL_MISSING = FindingKind(
    code="model-missing",
    category=Category.STORAGE,
    corruption_type=CorruptionType.FILE_MISSING,
    severity=Severity.CRITICAL,
    text="the model is not there: {what}",
    suggestion="download the model to its place, or remove it from the configuration; `healthctl status` lists what is there",
)
PERMISSION_DENIED = FindingKind(
    code="permission-denied",
    category=Category.STORAGE,
    corruption_type=CorruptionType.PERMISSION_ERROR,
    severity=Severity.MEDIUM,
    text="cannot read {name}: {what}",
    suggestion="{cure}",
)
READ_BITS_LOST = FindingKind(
    code="read-permission-lost",
    category=Category.STORAGE,
    corruption_type=CorruptionType.PERMISSION_ERROR,
    severity=Severity.MEDIUM,
    text="{name} lost read permission: its mode was {was} and is {now}",
    suggestion="restore it with `chmod {was} FILE`",
)
READ_ERROR = FindingKind(
    code="read-error",
    category=Category.STORAGE,
    corruption_type=CorruptionType.DISK_ERROR,
    severity=Severity.CRITICAL,
    text="the disk cannot give {name} whole ({errno_name}): it refuses {what}",
    suggestion="look at the disk (`smartctl -a`, `journalctl -k`), copy what is still readable, then fetch the file again",
)
FILE_EMPTY = FindingKind(
    code="file-empty",
    category=Category.FORMAT,
    corruption_type=CorruptionType.INCOMPLETE_DOWNLOAD,
    severity=Severity.HIGH,
    text="{name} is empty",
    suggestion="download the file again",
)
FILE_TRUNCATED = FindingKind(
    code="file-truncated",
    category=Category.FORMAT,
    corruption_type=CorruptionType.INCOMPLETE_DOWNLOAD,
    severity=Severity.HIGH,
    text="{name} is too short: {actual} of {expected} bytes ({missing} missing){by}",
    suggestion="download the file again; if you shortened it on purpose, accept that with `healthctl trust`",
)
FILE_TOO_LONG = FindingKind(
    code="file-too-long",
    category=Category.FORMAT,
    corruption_type=CorruptionType.INVALID_FORMAT,
    severity=Severity.HIGH,
    text="{name} is too long: {actual} bytes instead of {expected} ({extra} too many){by}",
    suggestion="download the file again; if you added to it on purpose, accept that with `healthctl trust`",
)
ALL_ZEROS = FindingKind(
    code="all-zeros",
    category=Category.FORMAT,
    corruption_type=CorruptionType.INVALID_FORMAT,
    severity=Severity.HIGH,
    text="{name} holds nothing but zero bytes",
    suggestion="download the file again: its space was reserved, but its content never arrived or was lost",
)
PLACEHOLDER = FindingKind(
    code="placeholder-file",
    category=Category.FORMAT,
    corruption_type=CorruptionType.INCOMPLETE_DOWNLOAD,
    severity=Severity.HIGH,
    text="{name} does not hold what its name says: {what}",
    suggestion="download the file again, and look at its size when that is done",
)
TENSORS_ABSENT = FindingKind(
    code="tensors-absent",
    category=Category.FORMAT,
    corruption_type=CorruptionType.INVALID_FORMAT,
    severity=Severity.HIGH,
    text="{name} lacks {what}, which its index places in it",
    suggestion="download this shard and its index again: shards were swapped, or are of another version than the index",
)
WRONG_KIND = FindingKind(
    code="wrong-kind",
    category=Category.FORMAT,
    corruption_type=None,
    severity=Severity.MEDIUM,
    text="{name} is sound, but it is {what}, where its place or name needs {wanted}",
    suggestion="move it to where it belongs, or fetch the right file: generating with it fails or gives noise",
)
INDEX_TOTAL_DIFFERS = FindingKind(
    code="index-total-differs",
    category=Category.FORMAT,
    corruption_type=None,
    severity=Severity.LOW,
    text="{name} states that its tensors have {stated} bytes, but its shards hold {actual}",
    suggestion="loaders do not mind; if index and shards may be of different versions, download both again",
)
FORMAT_UNKNOWN = FindingKind(
    code="format-unknown-to-us",
    category=Category.FORMAT,
    corruption_type=None,
    severity=Severity.LOW,
    text="{name} holds something that this version does not know ({what}): only its content is watched, not its form",
    suggestion="nothing needs to be done; a newer version may know it",
)
CHECKSUM_MISMATCH = FindingKind(
    code="checksum-mismatch",
    category=Category.FORMAT,
    corruption_type=CorruptionType.CHECKSUM_MISMATCH,
    severity=Severity.HIGH,
    text="{name} differs from its {authority} in {what}: {why}",
    suggestion="{cure}",
)
TRANSIENT_READ = FindingKind(
    code="transient-read",
    category=Category.SYSTEM,
    corruption_type=None,
    severity=Severity.MEDIUM,
    text="{name} read wrong once and right the second time, in {what}: the file is sound, something on the way is not",
    suggestion="test the memory (memtest86+) and look for bus errors (`journalctl -k`) before you trust other results",
)
LINK_OUTSIDE = FindingKind(
    code="link-leaves-root",
    category=Category.STORAGE,
    corruption_type=None,
    severity=Severity.LOW,
    text="{name} is a link that leads out of the watched folder and is not followed",
    suggestion="add the folder that it points to as a root of its own",
    undetermined=True,
)
NOT_A_FILE = FindingKind(
    code="not-a-regular-file",
    category=Category.STORAGE,
    corruption_type=CorruptionType.INVALID_FORMAT,
    severity=Severity.HIGH,
    text="{name} is a {what}, not a file",
    suggestion="remove it and download the file again",
)
UNJUDGED = FindingKind(
    code="could-not-judge",
    category=Category.SYSTEM,
    corruption_type=None,
    severity=Severity.MEDIUM,
    text="cannot judge {name}: {what}",
    suggestion="{cure}",
    undetermined=True,
)
HEADER_TOO_LARGE = FindingKind(
    code="header-too-large-to-judge",
    category=Category.FORMAT,
    corruption_type=None,
    severity=Severity.MEDIUM,
    text="cannot judge {name} within safe bounds: {what}",
    suggestion="check where the file comes from; no model of this kind needs such a header",
    undetermined=True,
)
NOT_YET_READ = FindingKind(
    code="not-yet-read",
    category=Category.SYSTEM,
    corruption_type=None,
    severity=Severity.LOW,
    text="{count} of {total} files were not read yet",
    suggestion="wait for the sweep, or check now with `healthctl check MODEL`",
    undetermined=True,
)
ROOT_UNREACHABLE = FindingKind(
    code="root-unreachable",
    category=Category.STORAGE,
    corruption_type=None,
    severity=Severity.HIGH,
    text="cannot look at the folder {folder}: {what}",
    suggestion="mount the file system or correct the path in the configuration; nothing below it can be judged until then",
    undetermined=True,
)
STATE_CANNOT_BE_WRITTEN = FindingKind(
    code="state-unwritable",
    category=Category.STORAGE,
    corruption_type=None,
    severity=Severity.HIGH,
    text="what is found cannot be recorded, since the state database refuses: {what}",
    suggestion="{cure}",
    undetermined=True,
)
SOURCES_DISAGREE = FindingKind(
    code="sources-disagree",
    category=Category.FORMAT,
    corruption_type=None,
    severity=Severity.MEDIUM,
    text="it is in dispute what {name} should be: {first} says {this}, but {second} says {that}",
    suggestion="find out which of the two is right, and remove or renew the other",
    undetermined=True,  # whichever the content fits, the other calls it wrong: nobody can call the file healthy
)
SIDECAR_FOR_ANOTHER = FindingKind(
    code="sidecar-for-another",
    category=Category.FORMAT,
    corruption_type=None,
    severity=Severity.LOW,
    text="{name} was not checked against {sidecar}: that speaks of {other} only",
    suggestion="if it was made before the file was renamed, write it anew from a source that you trust; otherwise remove it",
)
DIGEST_REFUSED = FindingKind(
    code="digest-refused",
    category=Category.FORMAT,
    corruption_type=None,
    severity=Severity.LOW,
    text="{name} was not checked against {authority}: {digest} {reason}",
    suggestion="correct the digest there, or remove it; a mirror that is not the hub itself may never give real ones",
)
SOURCE_UNUSABLE = FindingKind(
    code="source-unusable",
    category=Category.FORMAT,
    corruption_type=None,
    severity=Severity.LOW,
    text="cannot take digests from {name}: {what}",
    suggestion="{cure}; files are checked against other sources meanwhile",
)

COMPANION_MISSING = FindingKind(
    code="companion-missing",
    category=Category.STORAGE,
    corruption_type=CorruptionType.FILE_MISSING,
    severity=Severity.MEDIUM,
    text="{name} is missing: {what}",
    suggestion="fetch it to {folder}; if it is kept where nobody looks for it, accept that with `healthctl trust`",
)
EXPERTS_IDENTICAL = FindingKind(
    code="experts-identical",
    category=Category.FORMAT,
    corruption_type=None,
    severity=Severity.MEDIUM,
    text="{high} and {low} hold the very same bytes{more}: one was copied over the other; {which}",
    suggestion="fetch both experts again, or compare them with digests that you trust; no video comes out right like this",
)
ORPHAN_PARTIAL = FindingKind(
    code="orphan-partial",
    category=Category.STORAGE,
    corruption_type=None,
    severity=Severity.LOW,
    text="{what}: {size} on the disk, {age}",
    suggestion="remove it if no download is running: nothing needs it; a new download begins anew or takes it up again",
)
HUB_UNREACHABLE = FindingKind(
    code="hub-unreachable",
    category=Category.NETWORK,
    corruption_type=None,
    severity=Severity.LOW,
    text="{what}; {name} is checked against what stands beside it meanwhile",
    suggestion="{cure}",
)


STORAGE_FILLING = FindingKind(
    code="storage-filling",
    category=Category.STORAGE,
    corruption_type=None,
    severity=Severity.MEDIUM,
    text="the file system that holds {folder} is {percent} full: {free} are left",
    suggestion="make room before a download or a generation fails; `healthctl status` lists downloads that nobody continues",
)


SWEEPS_TOO_SLOW = FindingKind(
    code="sweeps-too-slow",
    category=Category.SYSTEM,
    corruption_type=None,
    severity=Severity.MEDIUM,
    text="not everything can be read every {goal}: {total} take {needed}{quiet}, and sweeps may read {allowed}",
    suggestion="raise `[sweep] max_rate`, have fewer `quiet_hours`, or set `full_every` to more than {least}",
)


class ShapeKinds(Struct, frozen=True):
    """What can be wrong with the form of one format's files."""

    truncated: FindingKind
    trailing: FindingKind
    malformed: FindingKind

    @property
    def all(self) -> tuple[FindingKind, ...]:
        """The three."""
        return self.truncated, self.trailing, self.malformed


def _shape(code: str, title: str, refused: str) -> ShapeKinds:
    """The kinds of one format; `refused` says what comes of it for whoever loads the file."""

    def kind(what: str, corruption_type: CorruptionType, text: str) -> FindingKind:
        cure = f"download the file again: {refused}"
        return FindingKind(f"{code}-{what}", Category.FORMAT, corruption_type, Severity.HIGH, text, cure)

    return ShapeKinds(
        kind("truncated", CorruptionType.INCOMPLETE_DOWNLOAD, "{name} is cut off: {what}"),
        kind("trailing-bytes", CorruptionType.INVALID_FORMAT, "{name} is too long: {what}"),
        kind("malformed", CorruptionType.INVALID_FORMAT, "{name} is not a valid " + title + ": {what}"),
    )


SHAPES: dict[str, ShapeKinds] = {
    "safetensors": _shape("safetensors", "safetensors file", "loading it fails, or fills missing tensors with zeros"),
    "gguf": _shape("gguf", "GGUF file", "loaders refuse it"),
    "torch": _shape("torch", "torch file", "loaders refuse it, or load it wrong"),
    "json": _shape("json", "JSON file", "the model cannot be loaded without it"),
    "shard-index": _shape("shard-index", "index of shards", "the model cannot be loaded without it"),
    "vocabulary": _shape("vocabulary", "vocabulary", "the model cannot be loaded without it"),
    "onnx": _shape("onnx", "ONNX file", "loaders refuse it"),
    "sentencepiece": _shape("sentencepiece", "sentencepiece model", "the tokenizer cannot be loaded without it"),
}
"""By the format's name; a format whose name goes on with a dash ("torch-zip") has the kinds of its family."""


def shape_of(format_name: str) -> ShapeKinds:
    """The kinds for a format."""
    return SHAPES.get(format_name) or SHAPES[format_name.split("-", 1)[0]]


KINDS: tuple[FindingKind, ...] = (
    FILE_MISSING,
    MODEL_MISSING,
    PERMISSION_DENIED,
    READ_BITS_LOST,
    READ_ERROR,
    FILE_EMPTY,
    FILE_TRUNCATED,
    FILE_TOO_LONG,
    PLACEHOLDER,
    ALL_ZEROS,
    TENSORS_ABSENT,
    WRONG_KIND,
    INDEX_TOTAL_DIFFERS,
    FORMAT_UNKNOWN,
    CHECKSUM_MISMATCH,
    TRANSIENT_READ,
    LINK_OUTSIDE,
    NOT_A_FILE,
    UNJUDGED,
    HEADER_TOO_LARGE,
    NOT_YET_READ,
    ROOT_UNREACHABLE,
    STATE_CANNOT_BE_WRITTEN,
    SOURCES_DISAGREE,
    SIDECAR_FOR_ANOTHER,
    DIGEST_REFUSED,
    SOURCE_UNUSABLE,
    STORAGE_FILLING,
    SWEEPS_TOO_SLOW,
    HUB_UNREACHABLE,
    COMPANION_MISSING,
    EXPERTS_IDENTICAL,
    ORPHAN_PARTIAL,
    *(kind for shape in SHAPES.values() for kind in shape.all),
)
BY_CODE: dict[str, FindingKind] = {kind.code: kind for kind in KINDS}


def is_undetermined(finding: Finding) -> bool:
    """Whether the finding says that we could not look; unknown codes (a newer store) are taken as such if advice."""
    kind = BY_CODE.get(finding.code)
    return finding.is_advice if kind is None else kind.undetermined
