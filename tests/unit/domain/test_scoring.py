"""Status and score by the documented formula."""

from __future__ import annotations

import pytest

from wan_healthd.domain.catalogue import (
    FILE_EMPTY,
    LINK_OUTSIDE,
    MODEL_MISSING,
    NOT_YET_READ,
    PERMISSION_DENIED,
    READ_ERROR,
    TRANSIENT_READ,
)
from wan_healthd.domain.findings import Finding, Severity
from wan_healthd.domain.scoring import score_of, status_of, worst_severity
from wan_healthd.domain.verdicts import HealthStatus

HIGH = FILE_EMPTY.at(b"/m/a")
LOW = FILE_EMPTY.at(b"/m/a", severity=Severity.LOW)
MEDIUM = PERMISSION_DENIED.at(b"/m/a", what="x", cure="y")
CRITICAL = READ_ERROR.at(b"/m/b", what="x", errno_name="EIO")
ADVICE = TRANSIENT_READ.at(b"/m/a", what="x")
UNSEEN = LINK_OUTSIDE.at(b"/m/c")
UNREAD = NOT_YET_READ.at(None, count=1, total=2)
MISSING = MODEL_MISSING.at(b"/m", what="x")

CASES = {
    "nothing": ([], HealthStatus.HEALTHY, 1.0, None),
    "advice": ([ADVICE], HealthStatus.HEALTHY, 1.0, None),
    "low": ([LOW], HealthStatus.DEGRADED, 0.95, Severity.LOW),
    "medium": ([MEDIUM], HealthStatus.DEGRADED, 0.8, Severity.MEDIUM),
    "high": ([HIGH], HealthStatus.CORRUPTED, 0.5, Severity.HIGH),
    "critical": ([CRITICAL], HealthStatus.CORRUPTED, 0.2, Severity.CRITICAL),
    "unseen": ([UNSEEN], HealthStatus.UNKNOWN, 0.5, None),
    "unread": ([UNREAD], HealthStatus.UNKNOWN, 0.5, None),
    "unseen counts less than damage": ([UNSEEN, MEDIUM], HealthStatus.DEGRADED, 0.4, Severity.MEDIUM),
    "one file is counted once, by its worst": ([LOW, MEDIUM, HIGH, ADVICE], HealthStatus.CORRUPTED, 0.5, Severity.HIGH),
    "two files": ([HIGH, CRITICAL], HealthStatus.CORRUPTED, 0.1, Severity.CRITICAL),
    "a file and the model": ([HIGH, UNREAD], HealthStatus.CORRUPTED, 0.25, Severity.HIGH),
    "missing": ([MISSING, HIGH], HealthStatus.MISSING, 0.0, Severity.CRITICAL),
}


@pytest.mark.parametrize(("findings", "status", "score", "severity"), CASES.values(), ids=CASES)
def test_findings_amount_to_a_verdict(
    findings: list[Finding], status: HealthStatus, score: float, severity: Severity | None
) -> None:
    assert status_of(findings) is status
    assert score_of(findings) == score
    assert worst_severity(findings) is severity


def test_files_whose_names_look_the_same_count_apart() -> None:
    twins = [FILE_EMPTY.at(b"/m/\xfe"), FILE_EMPTY.at(b"/m/\xff")]
    assert twins[0].path == twins[1].path
    assert score_of(twins) == 0.25


def test_a_score_never_falls_below_zero_however_many_files_are_bad() -> None:
    assert 0.0 <= score_of([READ_ERROR.at(b"/m/%d" % number, what="x", errno_name="EIO") for number in range(500)]) <= 0.0001
