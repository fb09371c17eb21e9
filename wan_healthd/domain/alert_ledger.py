"""What the ledger of alerts holds, and when an entry of it is to be told. Pure: `now` is handed in."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

import msgspec
from msgspec import Struct

from wan_healthd.domain.alerts import BY_NAME, Alert, AlertKind
from wan_healthd.domain.findings import Finding
from wan_healthd.domain.paths import printable

DAY_S = 86_400.0
LONGEST_REMINDER_DAYS = 32

UNKNOWN_KIND_ENDS_AS = BY_NAME["condition-cleared"]


class Reminders(StrEnum):
    """How often people are reminded of what lasts (as smartd does it)."""

    DIMINISHING = "diminishing"
    """After 1, 2, 4, 8, 16 and 32 days, then every 32 days."""
    DAILY = "daily"
    ONCE = "once"
    """Told once, never reminded."""


class NewAlert(Struct, frozen=True):
    """Something that is to be told and lasts until it ends.

    Args:
        key: what it is about; among what is open there is one of each key.
        message: one readable line without the model's id.
        closing: told when it ends.
        path: display path of what is affected: a file, or the folder of the model or root.
        is_finding: whether it stands for a finding; then `finding` is set, and it ends with that.
        words_are_news: whether another message is news, as other damage of a file is; an age or a count is not.
    """

    kind: AlertKind
    key: str
    message: str
    closing: str
    model_id: str | None = None
    path: str | None = None
    finding: Finding | None = None
    is_finding: bool = False
    words_are_news: bool = True


class Entry(Struct, frozen=True):
    """An alert in the ledger.

    Args:
        kind: its kind's name; one that a newer version wrote may be unknown.
        told_at: when it was told last; None: not yet.
        times_told: reminders included.
        acked_by: uid of who knows of it; then nobody is reminded until it gets worse, or ends and returns.
        is_folded: not told, since something that explains it was.
    """

    id: int
    kind: str
    message: str
    closing: str
    model_id: str | None
    path: str | None
    finding: Finding | None
    opened_at: datetime
    due_at: datetime | None
    told_at: datetime | None
    times_told: int
    acked_at: datetime | None
    acked_by: int | None
    cleared_at: datetime | None
    is_folded: bool = False


def first_due(kind: AlertKind, opened_at: datetime) -> datetime:
    """When it is told if it still lasts."""
    return opened_at + timedelta(seconds=kind.shows_after_s)


def reminder_due(kind: AlertKind, times_told: int, reminders: Reminders, now: datetime) -> datetime | None:
    """When to remind people, who were told `times_told` times, the last time `now`; None for never."""
    if not kind.reminds or reminders is Reminders.ONCE:
        return None
    days = 1 if reminders is Reminders.DAILY else min(2 ** max(times_told - 1, 0), LONGEST_REMINDER_DAYS)
    return now + timedelta(seconds=days * DAY_S)


def is_worse(before: AlertKind, before_finding: Finding | None, after: AlertKind, after_finding: Finding | None) -> bool:
    """Whether the same thing is of a graver class or severity now."""
    return (-after.alert_class.priority, _rank(after_finding)) > (-before.alert_class.priority, _rank(before_finding))


def alert_of(entry: Entry) -> Alert | None:
    """What is told of an entry now: that it is there, that it is still there, or that it ended; None for an unknown kind."""
    kind = BY_NAME.get(entry.kind)
    if kind is None:
        return None
    message = entry.message
    if entry.cleared_at is not None:
        kind, message = BY_NAME.get(kind.ends_as, UNKNOWN_KIND_ENDS_AS), entry.closing
    elif entry.times_told:
        message = f"still so since {entry.opened_at:%Y-%m-%d %H:%M}Z (`healthctl alert ack {entry.id}` if you know): {message}"
    told = message if entry.model_id is None else f"{printable(entry.model_id)}: {message}"
    return Alert(kind, told, model_id=entry.model_id, finding=entry.finding)


def key_of(model_id: str, finding: Finding) -> str:
    """A model has one finding of each code and place."""
    place = finding.path_b64 or finding.path or ""
    return "\n".join(("finding", model_id, finding.code, place))


def condition_key(kind: AlertKind, key: str) -> str:
    """The key of a condition, which is told apart among those of its kind by `key`."""
    return f"condition\n{kind.name}\n{key}"


def bounded(finding: Finding) -> Finding:
    """The finding without what may be long: the ranges and tensors stand in the finding itself."""
    return msgspec.structs.replace(finding, ranges=(), tensors=())


def _rank(finding: Finding | None) -> int:
    return -1 if finding is None else finding.severity.rank
