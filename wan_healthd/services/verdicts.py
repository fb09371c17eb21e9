"""Models' verdicts, made anew from the findings of their files."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec

from wan_healthd.checks.registry import judge_model
from wan_healthd.checks.verdict import integrity_result
from wan_healthd.domain.events import EventKind, NewEvent
from wan_healthd.domain.evidence import ModelEvidence
from wan_healthd.domain.findings import Finding
from wan_healthd.domain.paths import printable
from wan_healthd.domain.verdicts import IntegrityResult
from wan_healthd.store import events, models, roots, totals
from wan_healthd.store.connection import Connection
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
    lost = roots.lost(connection)
    checked_at = now if finished and not sums.files_unread else record.checked_at
    result = integrity_result(
        model_id,
        _once((*_beyond_files(record, sums, lost, now), *sums.findings)),
        nothing_left=_nothing_left(record, sums, is_out_of_reach=record.model.root in lost),
        file_count=sums.files,
        size_bytes=sums.size_bytes,
        checksum=sums.checksum,
        checked_at=checked_at,
    )
    before = models.judged(connection, result, now, oldest_read_at=sums.oldest_read_at, size_bytes=sums.size_bytes)
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


def _beyond_files(record: ModelRecord, sums: ModelTotals, lost_roots: dict[bytes, str], now: datetime) -> tuple[Finding, ...]:
    """Findings of the model itself; they are open since its status changed, as far as we know."""
    evidence = ModelEvidence(
        model_id=record.model.id,
        path=record.model.path,
        root=record.model.root,
        stated=record.model.stated,
        files_expected=sums.files,
        files_present=sums.files - sums.files_missing,
        weights_expected=sums.weights,
        weights_present=sums.weights - sums.weights_missing,
        files_unread=sums.files_unread,
        root_errno_name=lost_roots.get(record.model.root),
    )
    since = record.status_since or now
    return tuple(msgspec.structs.replace(finding, first_seen=since) for finding in judge_model(evidence))
