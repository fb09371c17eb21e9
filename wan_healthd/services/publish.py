"""Judgements become state, events, alerts and callbacks, in this order and each exactly once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from wan_healthd.domain.coverage import Extent
from wan_healthd.domain.evidence import ModelKind
from wan_healthd.domain.files import FileLook, VerifiedBy
from wan_healthd.domain.findings import Finding
from wan_healthd.domain.ports import Clock
from wan_healthd.domain.verdicts import IntegrityResult
from wan_healthd.services.alert import Alerter
from wan_healthd.services.changes import Change, compare_findings, events_of
from wan_healthd.services.feed import Feed
from wan_healthd.services.neighbours import beside, dependents
from wan_healthd.services.verdicts import refresh
from wan_healthd.store import contents, events, models, paths, telling
from wan_healthd.store.connection import Connection
from wan_healthd.store.database import Database
from wan_healthd.store.records import UNWRITTEN, FirstRead, PathRecord

VERDICT_EVERY_S = 1.0
"""While a model's files are being read, its verdict is made anew at most this often, unless findings changed."""


class Judgement(Struct, frozen=True):
    """What was found at one path.

    Args:
        content_id: content that was judged there; None if there is none, UNWRITTEN if it goes on record with this.
        vouched_by: the authority by which that content is from now on what is expected here; None leaves it as it was.
        is_final: False for a first word on a file whose content is still to be read.
        ends_scrub: whether the content's scrub ended with this; written together, or a crash between would lose damage.
        kind: what the header says that the content is; UNSET where it was not heard.
        first: what the content's first read gave, where that goes on record with this.
        verified: blocks of the content that were found to be right, where that goes on record with this.
        ends: models whose check ends with this, as far as anybody can tell before it is written.
    """

    record: PathRecord
    look: FileLook
    findings: tuple[Finding, ...]
    content_id: int | None
    vouched_by: VerifiedBy | None = None
    is_final: bool = True
    ends_scrub: bool = False
    kind: ModelKind | UnsetType | None = UNSET
    first: FirstRead | None = None
    verified: tuple[Extent, ...] = ()
    ends: frozenset[str] = frozenset()


class _Stored(Struct, frozen=True):
    """What came of a judgement: the models that the file belongs to, and the verdicts on those whose check ended with it."""

    model_ids: tuple[str, ...]
    ended: dict[str, IntegrityResult]
    is_due: bool
    """Whether people have to be told of something."""


class Publisher:
    """Writes judgements and tells about them once they are committed.

    Args:
        is_finished: whether nothing of a model waits or is worked on any more.
    """

    def __init__(
        self, database: Database, clock: Clock, alerter: Alerter, feed: Feed, is_finished: Callable[[str], bool]
    ) -> None:
        self._database = database
        self._clock = clock
        self._alerter = alerter
        self._feed = feed
        self._is_finished = is_finished
        self._refreshed: dict[str, float] = {}
        self._ended: dict[str, IntegrityResult] = {}

    async def judged(self, judgement: Judgement) -> tuple[str, ...]:
        """Store one judgement; its events are in the same transaction. Returns the models that the file belongs to."""
        now = self._clock.now()
        stored = await self._database.write(lambda db: self._store(db, judgement, now))
        for model_id in stored.model_ids:
            self._ended.pop(model_id, None)  # it was not the last one after all
        self._ended |= stored.ended
        self._feed.stirred()
        if stored.is_due:
            await self._alerter.tell_due()
        return stored.model_ids

    async def finished(self, model_ids: Sequence[str]) -> None:
        """A task of these models is done: the last one of a model ends its check and hands the result to callbacks."""
        for model_id in model_ids:
            result = self._ended.pop(model_id, None)
            if not self._is_finished(model_id):
                continue
            self._refreshed.pop(model_id, None)
            result = result or await self.refresh(model_id, finished=True)
            if result is not None:
                self._feed.result(result)

    async def refresh(self, model_id: str, *, finished: bool = False) -> IntegrityResult | None:
        """Make one verdict anew."""
        now = self._clock.now()
        result = await self._database.write(lambda db: refresh(db, model_id, now, finished=finished))
        self._feed.stirred()
        await self._alerter.tell_due()
        return result

    def _store(self, connection: Connection, judgement: Judgement, now: datetime) -> _Stored:
        record = judgement.record
        if not paths.exists(connection, record.id):  # forgotten by `trust` meanwhile
            return _Stored((), {}, is_due=False)
        change = compare_findings(paths.findings(connection, record.id), judgement.findings)
        model_ids = models.of_path(connection, record.id)
        before = beside(connection, record.path) if _may_concern_others(judgement, change) else None
        paths.replace_findings(connection, record.id, judgement.findings, now)
        if judgement.is_final:
            self._keep_content(connection, _on_record(connection, judgement), now)
        events.append(connection, events_of(change, model_ids, now))
        others = () if before is None else dependents(connection, record, before)
        concerned = dict.fromkeys((*(m for m in model_ids if m in judgement.ends or change or self._is_stale(m)), *others))
        verdicts = {m: refresh(connection, m, now, finished=m in judgement.ends) for m in concerned}
        ended = {m: result for m in judgement.ends if (result := verdicts.get(m)) is not None}
        return _Stored(model_ids, ended, is_due=telling.is_due(connection, now))

    @staticmethod
    def _keep_content(connection: Connection, judgement: Judgement, now: datetime) -> None:
        record = judgement.record
        intact = not any(not finding.is_advice for finding in judgement.findings)
        mode = judgement.look.mode if intact else None
        paths.judged(connection, record.id, content_id=judgement.content_id, mode=mode, at=now)
        if judgement.content_id is not None and judgement.kind is not UNSET:
            contents.identify(connection, judgement.content_id, judgement.kind)
        if judgement.content_id is not None:
            contents.mark_all(connection, judgement.content_id, judgement.verified)
        if judgement.ends_scrub and judgement.content_id is not None:
            contents.end_scrub(connection, judgement.content_id)
        if judgement.vouched_by is not None and judgement.content_id is not None:
            content = contents.get(connection, judgement.content_id)
            if content is not None:
                paths.expect_content(connection, record.id, content, at=now, source=judgement.vouched_by)

    def _is_stale(self, model_id: str) -> bool:
        now = self._clock.monotonic()
        if now - self._refreshed.get(model_id, -VERDICT_EVERY_S) < VERDICT_EVERY_S:
            return False
        self._refreshed[model_id] = now
        return True


def _on_record(connection: Connection, judgement: Judgement) -> Judgement:
    """The judgement with its content in the store."""
    identity = judgement.look.identity
    if judgement.first is not None and identity is not None:
        return replace(judgement, content_id=contents.keep(connection, identity, judgement.first).id)
    if judgement.content_id == UNWRITTEN:
        return replace(judgement, content_id=None if identity is None else contents.ensure(connection, identity).id)
    return judgement


def _may_concern_others(judgement: Judgement, change: Change) -> bool:
    """Whether models that do not own the file may see it otherwise now."""
    record = judgement.record
    return judgement.is_final and (bool(change) or record.judged_at is None or record.content_id != judgement.content_id)
