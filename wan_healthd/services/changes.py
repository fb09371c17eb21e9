"""What a new judgement changes among the findings of a path. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

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
