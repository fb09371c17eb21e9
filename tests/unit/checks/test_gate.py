"""What may be loaded, and what not."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from wan_healthd.checks.gate import Sight, by_sight, by_verdict
from wan_healthd.checks.verdict import integrity_result
from wan_healthd.domain.catalogue import (
    CHECKSUM_MISMATCH,
    NOT_YET_READ,
    READ_BITS_LOST,
    ROOT_UNREACHABLE,
    TRANSIENT_READ,
    UNJUDGED,
)
from wan_healthd.domain.findings import Finding
from wan_healthd.domain.gate import GateCode
from wan_healthd.domain.verdicts import IntegrityResult

WEIGHTS = b"/models/wan/model.safetensors"
ADVICE = TRANSIENT_READ.at(WEIGHTS, what="1 block")
SLIGHT = READ_BITS_LOST.at(WEIGHTS, was="644", now="600")
GRAVE = CHECKSUM_MISMATCH.at(WEIGHTS, authority="baseline", what="1 block", why="nobody wrote it", cure="download it again")
UNREAD = NOT_YET_READ.at(None, count=1, total=3)
LOST = ROOT_UNREACHABLE.at(b"/models", folder="/models", what="it is not there (ENOENT)")
UNKNOWN = UNJUDGED.at(WEIGHTS, what="it changes while it is read", cure="wait")


def verdict(*findings: Finding, nothing_left: bool = False) -> IntegrityResult:
    return integrity_result(
        "wan",
        findings,
        nothing_left=nothing_left,
        file_count=3,
        size_bytes=1000,
        checksum=None,
        checked_at=datetime(2026, 7, 1, tzinfo=UTC),
    )


def test_a_healthy_model_may_pass_without_mention_of_advice() -> None:
    assert by_verdict(verdict(ADVICE)) is None
    gate = by_sight(verdict(ADVICE), Sight())
    assert (gate.go, gate.code, gate.findings) == (True, GateCode.HEALTHY, ())


def test_a_degraded_one_may_pass_with_a_word() -> None:
    assert by_verdict(verdict(SLIGHT)) is None
    gate = by_sight(verdict(SLIGHT), Sight())
    assert (gate.go, gate.code, gate.reason, gate.findings) == (True, GateCode.DEGRADED, SLIGHT.message, (SLIGHT,))


@pytest.mark.parametrize(
    ("result", "code", "reason"),
    [
        (verdict(GRAVE, SLIGHT), GateCode.CORRUPTED, f"{GRAVE.message} (and 1 more)"),
        (verdict(GRAVE, UNREAD), GateCode.CORRUPTED, GRAVE.message),
        (verdict(nothing_left=True), GateCode.MISSING, "its files are not there"),
        (verdict(UNREAD), GateCode.NOT_READ, UNREAD.message),
        (verdict(SLIGHT, UNREAD), GateCode.NOT_READ, UNREAD.message),
        (verdict(LOST, UNREAD), GateCode.OUT_OF_REACH, f"{LOST.message} (and 1 more)"),
        (verdict(UNKNOWN), GateCode.UNKNOWN, UNKNOWN.message),
    ],
)
def test_what_is_broken_or_unknown_may_not(result: IntegrityResult, code: GateCode, reason: str) -> None:
    gate = by_verdict(result)
    assert gate is not None
    assert (gate.go, gate.code, gate.reason, gate.status) == (False, code, reason, result.health_status)


@pytest.mark.parametrize(
    ("sight", "code", "reason"),
    [
        (Sight(altered=(WEIGHTS,)), GateCode.CHANGING, "model.safetensors changed since it was judged, and is judged anew"),
        (
            Sight(arriving=(b"/m/a\n.part", b"/m/b.part")),
            GateCode.CHANGING,
            "a\\n.part (and 1 more) is still being downloaded or copied into it",
        ),
        (Sight(unread=(WEIGHTS,)), GateCode.NOT_READ, "model.safetensors was never read whole"),
        (Sight(is_silent=True), GateCode.OUT_OF_REACH, "the file system that holds it does not answer"),
    ],
)
def test_the_files_must_be_what_was_judged(sight: Sight, code: GateCode, reason: str) -> None:
    gate = by_sight(verdict(), sight)
    assert (gate.go, gate.code, gate.reason) == (False, code, reason)
