"""May a model be loaded now? By its verdict first; then its files must still be what the verdict speaks of.

What was never read is not called good, what cannot be looked at neither, and what is being written least of all: a loader
that waits loses minutes, one that loads rubbish loses the picture.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from wan_healthd.domain.catalogue import NOT_YET_READ, ROOT_UNREACHABLE, is_undetermined
from wan_healthd.domain.findings import Finding
from wan_healthd.domain.gate import Gate, GateCode
from wan_healthd.domain.paths import display
from wan_healthd.domain.verdicts import HealthStatus, IntegrityResult


class Sight(Struct, frozen=True):
    """A model's files at this moment, against what was judged.

    Args:
        altered: files that are not what was judged: other bytes, gone, or hidden from us.
        arriving: unfinished downloads and copies in it that somebody still writes to.
        unread: files whose content was never read whole, although contents are to be read.
        is_silent: the file system does not answer, so that `altered` says nothing.
    """

    altered: tuple[bytes, ...] = ()
    arriving: tuple[bytes, ...] = ()
    unread: tuple[bytes, ...] = ()
    is_silent: bool = False


def by_verdict(result: IntegrityResult) -> Gate | None:
    """The answer where the verdict alone forbids it, so that no disk need be asked; else None."""
    weighty = _weighty(result)
    doubts = [finding for finding in weighty if is_undetermined(finding)]
    if result.health_status is HealthStatus.MISSING:
        return _no(result, GateCode.MISSING, "its files are not there")
    if result.health_status is HealthStatus.CORRUPTED:
        return _no(result, GateCode.CORRUPTED, _first([finding for finding in weighty if finding not in doubts]))
    if any(finding.code == ROOT_UNREACHABLE.code for finding in doubts):
        return _no(result, GateCode.OUT_OF_REACH, _first(doubts))
    if any(finding.code == NOT_YET_READ.code for finding in doubts):
        return _no(result, GateCode.NOT_READ, _first(doubts))
    if doubts or result.health_status is HealthStatus.UNKNOWN:
        return _no(result, GateCode.UNKNOWN, _first(doubts) if doubts else "nobody knows how it is")
    return None


def by_sight(result: IntegrityResult, sight: Sight) -> Gate:
    """The answer for a model that its verdict would let pass."""
    if sight.is_silent:
        return _no(result, GateCode.OUT_OF_REACH, "the file system that holds it does not answer")
    if sight.altered:
        return _no(result, GateCode.CHANGING, f"{_named(sight.altered)} changed since it was judged, and is judged anew")
    if sight.arriving:
        return _no(result, GateCode.CHANGING, f"{_named(sight.arriving)} is still being downloaded or copied into it")
    if sight.unread:
        return _no(result, GateCode.NOT_READ, f"{_named(sight.unread)} was never read whole")
    weighty = _weighty(result)
    if result.health_status is HealthStatus.DEGRADED:
        return Gate(result.model_id, True, GateCode.DEGRADED, _first(weighty), result.health_status, weighty)
    return Gate(result.model_id, True, GateCode.HEALTHY, "every file is as it should be", result.health_status, weighty)


def _no(result: IntegrityResult, code: GateCode, reason: str) -> Gate:
    return Gate(result.model_id, False, code, reason, result.health_status, _weighty(result))


def _weighty(result: IntegrityResult) -> tuple[Finding, ...]:
    return tuple(finding for finding in result.issues if not finding.is_advice or is_undetermined(finding))


def _first(findings: Sequence[Finding]) -> str:
    """The gravest in its own words, and how many more there are."""
    gravest = max(findings, key=lambda finding: finding.severity.rank)
    return gravest.message + (f" (and {len(findings) - 1} more)" if len(findings) > 1 else "")


def _named(paths: Sequence[bytes]) -> str:
    name = display(paths[0].rpartition(b"/")[2])
    return name if len(paths) == 1 else f"{name} (and {len(paths) - 1} more)"
