"""Models' verdicts, made anew from the findings of their files."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from wan_healthd.checks.registry import judge_model
from wan_healthd.checks.verdict import integrity_result
from wan_healthd.domain.catalogue import MODEL_MISSING, NOT_YET_READ, ROOT_UNREACHABLE
from wan_healthd.domain.events import EventKind, NewEvent
from wan_healthd.domain.evidence import ModelEvidence
from wan_healthd.domain.findings import Finding
from wan_healthd.domain.partials import Orphans
from wan_healthd.domain.paths import display, overlap, printable
from wan_healthd.domain.verdicts import IntegrityResult
from wan_healthd.services.changes import Change, events_of
from wan_healthd.services.neighbours import companioned, with_neighbours
from wan_healthd.services.tidings import tidings_of
from wan_healthd.store import alerts, events, hub, models, opinions, partials, roots, totals
from wan_healthd.store.connection import Connection
from wan_healthd.store.opinions import Turn
from wan_healthd.store.records import ModelRecord
from wan_healthd.store.totals import ModelTotals


def refresh(connection: Connection, model_id: str, now: datetime, *, finished: bool) -> IntegrityResult | None:
    """Make the verdict of one model anew and store it, with an event if its status changed; None if it is unknown.

    `finished` says that a check of the model ended with this: then it counts as checked now.
    """
    record = models.get(connection, model_id)
    if record is None:
        return None
    sums = totals.of_model(connection, model_id)
    lost = _lost_place(record, roots.lost(connection))
    orphans = partials.orphans_of(connection, model_id, now.timestamp())
    checked_at = now if finished and not sums.files_unread else record.checked_at
    beyond = _beyond_files(connection, record, sums, lost, orphans, now)
    result = integrity_result(
        model_id,
        _once((*beyond, *sums.findings)),
        nothing_left=_nothing_left(record, sums, is_out_of_reach=lost is not None),
        file_count=sums.files,
        size_bytes=sums.size_bytes,
        checksum=sums.checksum,
        checked_at=checked_at,
    )
    before = models.judged(connection, result, now, oldest_read_at=sums.oldest_read_at, size_bytes=sums.size_bytes)
    of_model = tidings_of(model_id, display(record.model.path), beyond, words_are_news=False)
    of_files = tidings_of(model_id, display(record.model.path), sums.findings)
    alerts.reconcile(connection, model_id, (*of_model, *of_files), now)
    if before is not result.health_status:
        was = "new" if before is None else str(before)
        told = f"{printable(model_id)} is {result.health_status} (was {was})"
        events.append(
            connection, [NewEvent(now, EventKind.STATUS_CHANGED, told, model_id=model_id, status=result.health_status)]
        )
    return result


def _nothing_left(record: ModelRecord, sums: ModelTotals, *, is_out_of_reach: bool) -> bool:
    """Whether not one weight file is there (of a model without weights: not one file), and we could look."""
    if is_out_of_reach:
        return False
    if sums.files == 0:
        return record.model.stated
    return sums.weights_missing == sums.weights if sums.weights else sums.files_missing == sums.files


def _once(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """A broken list of digests is told with every file that it speaks of; one line of it is enough."""
    return tuple({(item.code, item.path, item.message): item for item in findings}.values())


def _lost_place(record: ModelRecord, lost: dict[bytes, str]) -> tuple[bytes, str] | None:
    """What keeps us from looking at the model, or at a part of it, and why: its root, or a place that it overlaps with."""
    found = ((place, why) for place, why in lost.items() if place == record.model.root or overlap(record.model.path, place))
    return min(found, default=None)


def refresh_companioned(connection: Connection, now: datetime) -> None:
    """Make the verdicts of all models anew that depend on companions."""
    for model_id in companioned(connection):
        refresh(connection, model_id, now, finished=False)


def _beyond_files(
    connection: Connection,
    record: ModelRecord,
    sums: ModelTotals,
    lost: tuple[bytes, str] | None,
    orphans: Orphans,
    now: datetime,
) -> tuple[Finding, ...]:
    """Findings of the model itself; what opened and cleared among them becomes events."""
    evidence = ModelEvidence(
        model_id=record.model.id,
        path=record.model.path,
        root=record.model.root if lost is None else lost[0],
        stated=record.model.stated,
        files_expected=sums.files,
        files_present=sums.files - sums.files_missing,
        weights_expected=sums.weights,
        weights_present=sums.weights - sums.weights_missing,
        files_unread=sums.files_unread,
        root_errno_name=None if lost is None else lost[1],
        hub_silence=hub.silence(connection, record.model.id),
        orphans=orphans,
        now_s=now.timestamp(),
    )
    before = opinions.open_findings(connection, record.model.id)
    found = judge_model(with_neighbours(connection, record.model, evidence, before))
    turn = opinions.replace(connection, record.model.id, found, now)
    events.append(connection, events_of(_to_tell(turn), [record.model.id], now))
    return turn.findings


def _to_tell(turn: Turn) -> Change:
    """What becomes events: of these the change of status, the root, or the progress is told."""
    told_otherwise = {MODEL_MISSING.code, NOT_YET_READ.code, ROOT_UNREACHABLE.code}
    opened, cleared = ([f for f in findings if f.code not in told_otherwise] for findings in (turn.opened, turn.cleared))
    return Change(opened=tuple(opened), cleared=tuple(cleared))
