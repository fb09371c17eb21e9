"""What is said of a model as a whole."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from wan_healthd.checks.registry import judge_model
from wan_healthd.checks.root_reach import root_finding
from wan_healthd.checks.verdict import corruption_report, corruption_types, integrity_result, unknown_model
from wan_healthd.domain.catalogue import CHECKSUM_MISMATCH, FILE_EMPTY, FILE_MISSING, MODEL_MISSING, NOT_YET_READ
from wan_healthd.domain.evidence import ModelEvidence
from wan_healthd.domain.findings import CorruptionType, Finding, Severity
from wan_healthd.domain.scoring import status_of
from wan_healthd.domain.verdicts import HealthStatus, IntegrityResult

NOW = datetime(2025, 1, 2, tzinfo=UTC)
WHOLE = ModelEvidence(
    "wan", b"/models/wan", b"/models", stated=False, files_expected=2, files_present=2, weights_expected=1, weights_present=1,
    files_unread=0,
)  # fmt: skip
GONE = FILE_MISSING.at(b"/models/wan/a", what="gone")
EMPTY = FILE_EMPTY.at(b"/models/wan/b")
UNREAD = NOT_YET_READ.at(None, count=1, total=2)

CASES = {
    "whole": ({}, [], HealthStatus.HEALTHY),
    "partly unread": ({"files_unread": 1}, ["not-yet-read"], HealthStatus.UNKNOWN),
    "stated, never seen": ({"stated": True, "files_expected": 0}, ["model-missing"], HealthStatus.MISSING),
    "not stated, never seen": ({"files_expected": 0}, [], HealthStatus.HEALTHY),
    "root lost": ({"root_errno_name": "EIO"}, ["root-unreachable"], HealthStatus.UNKNOWN),
    "stated, root lost": (
        {"stated": True, "files_expected": 0, "root_errno_name": "ENOENT"}, ["root-unreachable"], HealthStatus.UNKNOWN,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("change", "codes", "status"), CASES.values(), ids=CASES)
def test_a_model_is_judged_beyond_its_files(change: dict[str, object], codes: list[str], status: HealthStatus) -> None:
    findings = judge_model(msgspec.structs.replace(WHOLE, **change))
    assert [finding.code for finding in findings] == codes
    assert status_of(findings) is status


@pytest.mark.parametrize(
    ("errno_name", "says"),
    [("ENOENT", "it is not there (ENOENT)"), ("ESTALE", "the file system behind it is gone (ESTALE)"), ("EIO", ": EIO")],
)
def test_a_lost_root_is_told_in_words(errno_name: str, says: str) -> None:
    finding = root_finding(b"/srv/m\nx", errno_name)
    assert finding.message.startswith(r"cannot look at the folder /srv/m\nx: ")
    assert finding.message.endswith(says)


def verdict(*findings: Finding, nothing_left: bool = False) -> IntegrityResult:
    return integrity_result(
        "wan", findings, nothing_left=nothing_left, file_count=2, size_bytes=1_234_567, checksum=None, checked_at=NOW
    )


def test_a_sound_model_has_full_marks() -> None:
    result = verdict()
    assert (result.health_status, result.is_healthy, result.integrity_score) == (HealthStatus.HEALTHY, True, 1.0)
    assert (result.issues, result.corruption_types, result.repair_suggestions) == ((), (), ())
    assert result.total_size_mb == 1.235


def test_a_model_without_weights_is_missing_and_worth_nothing() -> None:
    result = verdict(GONE, nothing_left=True)
    assert (result.health_status, result.integrity_score) == (HealthStatus.MISSING, 0.0)


def test_types_and_suggestions_are_told_once_in_the_order_of_their_findings() -> None:
    result = verdict(UNREAD, EMPTY, GONE, FILE_EMPTY.at(b"/models/wan/c"))
    assert result.corruption_types == (CorruptionType.INCOMPLETE_DOWNLOAD, CorruptionType.FILE_MISSING)
    assert result.repair_suggestions == (UNREAD.suggestion, EMPTY.suggestion, GONE.suggestion)
    assert corruption_types([UNREAD]) == ()


def test_an_unknown_model_is_missing() -> None:
    result = unknown_model("x/y", MODEL_MISSING.at(None, what="no model has the id x/y"))
    assert (result.model_id, result.health_status, result.integrity_score) == ("x/y", HealthStatus.MISSING, 0.0)
    assert result.corruption_types == (CorruptionType.FILE_MISSING,)
    assert (result.checksum, result.last_checked) == (None, None)


def test_a_report_of_a_sound_model_detects_nothing() -> None:
    report = corruption_report(verdict(UNREAD), NOW)
    assert (report.corruption_detected, report.severity, report.detection_time) == (False, None, NOW)
    assert (report.affected_files, report.repair_actions) == ((), ())


def test_a_report_names_files_gravest_severity_and_first_detection() -> None:
    early = NOW - timedelta(days=1)
    bad = CHECKSUM_MISMATCH.at(
        b"/models/wan/a", severity=Severity.CRITICAL, authority="baseline", what="block 0", why="x", cure="fetch it"
    )
    findings = (UNREAD, msgspec.structs.replace(EMPTY, first_seen=NOW), msgspec.structs.replace(bad, first_seen=early), GONE)
    report = corruption_report(verdict(*findings), NOW)
    assert report.corruption_detected
    assert report.affected_files == ("/models/wan/b", "/models/wan/a")
    assert report.repair_actions == (EMPTY.suggestion, "fetch it", GONE.suggestion)
    assert (report.severity, report.detection_time) == (Severity.CRITICAL, early)
