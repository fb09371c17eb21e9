"""What a new judgement changes among the findings of a path or a model. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec import UNSET, Struct

from wan_healthd.domain.events import EventKind, NewEvent
from wan_healthd.domain.findings import Finding


class Change(Struct, frozen=True):
    """What a judgement changed among the open findings of its path."""

    opened: tuple[Finding, ...] = ()
    changed: tuple[Finding, ...] = ()
    reworded: tuple[Finding, ...] = ()
    """Those of `changed` that tell people something else; the others only know the place of the damage better."""
    cleared: tuple[Finding, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.opened or self.changed or self.cleared)


def compare_findings(before: Sequence[Finding], after: Sequence[Finding]) -> Change:
    """Which findings are new, which say something else than before, and which are gone; by code."""
    old = {finding.code: finding for finding in before}
    new = {finding.code: finding for finding in after}
    changed = tuple(item for code, item in new.items() if code in old and _says(item) != _says(old[code]))
    return Change(
        opened=tuple(item for code, item in new.items() if code not in old),
        changed=changed,
        reworded=tuple(item for item in changed if _tells(item) != _tells(old[item.code])),
        cleared=tuple(item for code, item in old.items() if code not in new),
    )


def _says(finding: Finding) -> tuple[object, ...]:
    return finding.message, finding.ranges, finding.tensors, finding.cause, finding.severity


def _tells(finding: Finding) -> tuple[object, ...]:
    return finding.message, finding.severity


def events_of(change: Change, model_ids: Sequence[str], now: datetime) -> list[NewEvent]:
    """What is told of the change: one event for each finding and model."""
    kinds = (
        (EventKind.FINDING_OPENED, change.opened),
        (EventKind.FINDING_CHANGED, change.changed),
        (EventKind.FINDING_CLEARED, change.cleared),
    )
    return [
        NewEvent(now, kind, _told(kind, finding), model_id, finding.path, finding, None, finding.path_b64 or UNSET)
        for kind, findings in kinds
        for finding in findings
        for model_id in model_ids or (None,)
    ]


def _told(kind: EventKind, finding: Finding) -> str:
    return f"no longer: {finding.message}" if kind is EventKind.FINDING_CLEARED else finding.message
