"""What is not there, is no file, or may not be read."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from tests.unit.checks.scenes import MODE, PATH, SOUND, baseline, first_word, identity, read
from wan_healthd.checks.registry import judge_file
from wan_healthd.domain.evidence import FileEvidence, KnownFile
from wan_healthd.domain.files import FileLook, Presence, Role
from wan_healthd.domain.findings import Cause, CorruptionType, Finding, Severity
from wan_healthd.domain.identity import FileMode
from wan_healthd.domain.scoring import status_of
from wan_healthd.domain.verdicts import HealthStatus

LOCKED = FileMode(0o000, 1000, 1000)
GROUP_ONLY = FileMode(0o640, 1000, 1000)
HERE = identity(SOUND)


class Case(NamedTuple):
    look: FileLook
    code: str
    corruption_type: CorruptionType | None
    severity: Severity
    status: HealthStatus
    says: str
    cause: Cause | None = None
    is_known: bool = True


MISSING = ("file-missing", CorruptionType.FILE_MISSING, Severity.HIGH, HealthStatus.CORRUPTED)
NO_FILE = ("not-a-regular-file", CorruptionType.INVALID_FORMAT, Severity.HIGH, HealthStatus.CORRUPTED)
LOST = ("read-permission-lost", CorruptionType.PERMISSION_ERROR, Severity.MEDIUM, HealthStatus.DEGRADED)
DENIED = ("permission-denied", CorruptionType.PERMISSION_ERROR, Severity.MEDIUM, HealthStatus.DEGRADED)
DISK = ("read-error", CorruptionType.DISK_ERROR, Severity.CRITICAL, HealthStatus.CORRUPTED)
UNSEEN = ("could-not-judge", None, Severity.MEDIUM, HealthStatus.UNKNOWN)

CASES = {
    "gone": Case(FileLook(Presence.ABSENT), *MISSING, "it was there when it was last checked"),
    "never there": Case(FileLook(Presence.ABSENT), *MISSING, "nothing is at its place", is_known=False),
    "dangling link": Case(FileLook(Presence.DANGLING, is_link=True), *MISSING, "what it points to is not"),
    "a folder instead": Case(FileLook(Presence.FOLDER, HERE, FileMode(0o700, 0, 0)), *NO_FILE, "is a folder, not a file"),
    "a FIFO instead": Case(FileLook(Presence.IRREGULAR, HERE, LOCKED), *NO_FILE, "FIFO, socket or device, not a file"),
    "a link out of the root": Case(
        FileLook(Presence.OUTSIDE), "link-leaves-root", None, Severity.LOW, HealthStatus.UNKNOWN, "leads out"
    ),
    "mode 000, known": Case(FileLook(Presence.FORBIDDEN, HERE, LOCKED), *LOST, "its mode was 0644 and is 0000"),
    "mode 000, known, read by root": Case(FileLook(Presence.FILE, HERE, LOCKED), *LOST, "its mode was 0644 and is 0000"),
    "mode 000, new": Case(FileLook(Presence.FORBIDDEN, HERE, LOCKED), *DENIED, "its mode is 0000", is_known=False),
    "mode 000, new, read by root": Case(FileLook(Presence.FILE, HERE, LOCKED), *DENIED, "its mode is 0000", is_known=False),
    "others may not read any more": Case(FileLook(Presence.FILE, HERE, GROUP_ONLY), *LOST, "was 0644 and is 0640"),
    "another owner": Case(FileLook(Presence.FORBIDDEN, HERE, FileMode(0o644, 5, 6)), *DENIED, "its owner 5:6"),
    "a folder above is closed": Case(FileLook(Presence.FORBIDDEN, errno_name="EACCES"), *DENIED, "may not be entered"),
    "the disk refuses the entry": Case(
        FileLook(Presence.UNREADABLE, errno_name="EIO"), *DISK, "(EIO): it refuses to look at it", Cause.UNREADABLE
    ),
    "the disk refuses to open it": Case(
        FileLook(Presence.UNREADABLE, HERE, MODE, errno_name="EUCLEAN"), *DISK, "refuses to open it", Cause.UNREADABLE
    ),
    "the disk refuses without a word": Case(FileLook(Presence.UNREADABLE), *DISK, "(EIO)", Cause.UNREADABLE),
    "we have no descriptor left": Case(FileLook(Presence.UNREADABLE, errno_name="EMFILE"), *UNSEEN, "(EMFILE)"),
    "the server is away": Case(FileLook(Presence.UNREADABLE, errno_name="ESTALE"), *UNSEEN, "(ESTALE)"),
}  # fmt: skip


def judged(case: Case) -> tuple[Finding, ...]:
    known = KnownFile(len(SOUND), MODE) if case.is_known else None
    return judge_file(FileEvidence(PATH, Role.WEIGHTS, case.look, known, baseline(SOUND) if case.is_known else None))


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_what_cannot_be_read_is_told_once(case: Case) -> None:
    (finding,) = judged(case)
    assert (finding.code, finding.corruption_type, finding.severity, finding.cause) == (
        case.code, case.corruption_type, case.severity, case.cause
    )  # fmt: skip
    assert finding.path == PATH.decode()
    assert case.says in finding.message
    assert status_of([finding]) is case.status


def test_a_lost_read_bit_does_not_hide_that_the_content_is_sound() -> None:
    evidence = read(first_word(SOUND, SOUND, written_at=1), SOUND, SOUND)
    locked = FileEvidence(
        PATH, Role.WEIGHTS, FileLook(Presence.FILE, HERE, LOCKED, len(SOUND)), evidence.known, evidence.expectation,
        evidence.header, evidence.content,
    )  # fmt: skip
    assert [finding.code for finding in judge_file(locked)] == ["read-permission-lost"]


def test_more_permission_than_before_is_fine() -> None:
    evidence = FileEvidence(PATH, Role.WEIGHTS, FileLook(Presence.FILE, HERE, MODE), KnownFile(len(SOUND), GROUP_ONLY))
    assert judge_file(evidence) == ()


def test_a_file_of_unknown_mode_is_not_blamed() -> None:
    assert judge_file(FileEvidence(PATH, Role.WEIGHTS, FileLook(Presence.FILE, HERE))) == ()


@pytest.mark.parametrize(
    ("mode", "cure"),
    [(LOCKED, "`chmod 0644 FILE`"), (FileMode(0o640, 0, 0), "CAP_DAC_READ_SEARCH"), (None, "enter the folders")],
)
def test_the_cure_for_a_forbidden_file_fits(mode: FileMode | None, cure: str) -> None:
    (finding,) = judge_file(FileEvidence(PATH, Role.WEIGHTS, FileLook(Presence.FORBIDDEN, HERE, mode)))
    assert cure in finding.suggestion
