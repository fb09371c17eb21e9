"""The findings' types as the contract gives them, and texts that name only what exists."""

from __future__ import annotations

import re

import pytest
from msgspec import UNSET

from wan_healthd.checks.unjudged import OBSTACLES
from wan_healthd.cli.commands import COMMANDS
from wan_healthd.domain import catalogue
from wan_healthd.domain.catalogue import KINDS, is_undetermined
from wan_healthd.domain.extents import ByteRange
from wan_healthd.domain.finding_kind import FindingKind
from wan_healthd.domain.findings import Category, Cause, CorruptionType, Finding, Severity

TYPES = {
    CorruptionType.FILE_MISSING: {"file-missing", "model-missing", "companion-missing"},
    CorruptionType.INCOMPLETE_DOWNLOAD: {"file-empty", "file-truncated", "safetensors-truncated", "placeholder-file"},
    CorruptionType.INVALID_FORMAT: {
        "all-zeros", "file-too-long", "safetensors-trailing-bytes", "safetensors-malformed", "not-a-regular-file",
    },
    CorruptionType.CHECKSUM_MISMATCH: {"checksum-mismatch"},
    CorruptionType.PERMISSION_ERROR: {"permission-denied", "read-permission-lost"},
    CorruptionType.DISK_ERROR: {"read-error"},
}  # fmt: skip
BLINDNESS = (catalogue.ROOT_UNREACHABLE, catalogue.STATE_CANNOT_BE_WRITTEN)
CODES = {code: corruption_type for corruption_type, codes in TYPES.items() for code in codes}


@pytest.mark.parametrize("code", CODES)
def test_damage_has_the_type_of_the_contract(code: str) -> None:
    assert catalogue.BY_CODE[code].corruption_type is CODES[code]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.corruption_type is None], ids=lambda kind: kind.code)
def test_advice_is_mild_except_where_nothing_can_be_seen(kind: FindingKind) -> None:
    assert kind.severity.rank <= Severity.MEDIUM.rank or kind in BLINDNESS


@pytest.mark.parametrize(
    "text", [*(kind.suggestion for kind in KINDS), *(obstacle.cure for obstacle in OBSTACLES.values())]
)  # fmt: skip
def test_texts_name_only_commands_that_exist(text: str) -> None:
    names = {command.name for command in COMMANDS}
    assert set(re.findall(r"`healthctl (\w+)", text)) <= names
    assert not re.search(r"healthctl(?! \w)|wan-healthd", text)


def test_a_finding_carries_what_its_kind_declares() -> None:
    ranges, tensors = [ByteRange(0, 1)], ["a\nb"]
    finding = catalogue.FILE_EMPTY.at(b"/m/x.gguf", ranges=ranges, tensors=tensors, cause=Cause.DISK)
    assert finding == Finding(
        code="file-empty",
        category=Category.FORMAT,
        corruption_type=CorruptionType.INCOMPLETE_DOWNLOAD,
        severity=Severity.HIGH,
        path="/m/x.gguf",
        message="x.gguf is empty",
        suggestion="download the file again",
        ranges=(ByteRange(0, 1),),
        tensors=(r"a\nb",),
        cause=Cause.DISK,
    )


def test_a_finding_may_be_graver_than_its_kind() -> None:
    assert catalogue.FILE_EMPTY.at(b"/a", severity=Severity.CRITICAL).severity is Severity.CRITICAL


def test_facts_cannot_break_the_text() -> None:
    finding = catalogue.MODEL_MISSING.at(None, what="{name} {what!r} \x1b[0m\n")
    assert finding.message == r"the model is not there: {name} {what!r} \x1b[0m\n"
    assert (finding.path, finding.path_b64) == (None, UNSET)


def test_exact_bytes_are_given_only_where_the_path_cannot_show_them() -> None:
    assert catalogue.FILE_EMPTY.at("/m/ü.gguf".encode()).path_b64 is UNSET
    assert catalogue.FILE_EMPTY.at(b"/m/\xff").path_b64 == "L20v/w=="


@pytest.mark.parametrize(
    ("code", "corruption_type", "expected"),
    [
        ("could-not-judge", None, True),
        ("transient-read", None, False),
        ("file-missing", CorruptionType.FILE_MISSING, False),
        ("of-a-newer-version", None, True),
        ("of-a-newer-version", CorruptionType.DISK_ERROR, False),
    ],
)
def test_what_could_not_be_looked_at_is_known_by_its_code(
    code: str, corruption_type: CorruptionType | None, expected: bool
) -> None:
    finding = Finding(code, Category.SYSTEM, corruption_type, Severity.LOW, None, "message", "suggestion")
    assert is_undetermined(finding) is expected
