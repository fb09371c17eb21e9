"""Trust: a person accepts the present bytes as the new truth. Recorded with who and why."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from wan_healthd.domain.errors import InvalidRequest, ModelNotFound
from wan_healthd.domain.events import EventKind, NewEvent
from wan_healthd.domain.files import Presence
from wan_healthd.domain.findings import Cause
from wan_healthd.domain.paths import display, printable
from wan_healthd.domain.ports import Clock, Files, Threads
from wan_healthd.domain.verdicts import IntegrityResult
from wan_healthd.services.feed import Feed
from wan_healthd.services.jobs import Jobs
from wan_healthd.services.roster import strike_off
from wan_healthd.store import contents, events, models, paths
from wan_healthd.store.connection import Connection
from wan_healthd.store.database import Database
from wan_healthd.store.records import PathState


class Trust:
    """Moves baselines, and forgets files that are gone."""

    def __init__(self, database: Database, files: Files, threads: Threads, clock: Clock, feed: Feed, jobs: Jobs) -> None:
        self._database = database
        self._files = files
        self._threads = threads
        self._clock = clock
        self._feed = feed
        self._jobs = jobs

    async def trust(self, model_id: str, shown: Sequence[str], *, uid: int, reason: str) -> IntegrityResult | None:
        """Accept the named files (as the files list shows them; none: all of the model).

        Present bytes that were read whole become the baseline; a file that is gone is forgotten; one that was not read yet
        loses its old baseline, and its next read makes the new one. Then the model is checked again.

        Returns:
            The new verdict; None if the model is gone with its last file.

        Raises:
            ModelNotFound: no model has that id.
            InvalidRequest: a file does not belong to the model.
        """
        states = await self._database.read(lambda db: models.files(db, model_id))
        if await self._database.read(lambda db: models.get(db, model_id)) is None:
            raise ModelNotFound(f"cannot trust {model_id}: no model has that id", "list the models with `healthctl status`")
        chosen = _choose(model_id, states, shown)
        gone = [state for state in chosen if await self._is_gone(state)]
        now = self._clock.now()
        await self._database.write(lambda db: _accept(db, model_id, chosen, gone, uid, reason, now))
        self._feed.stirred()
        if await self._database.read(lambda db: models.get(db, model_id)) is None:
            return None
        return await self._jobs.check(model_id, full=False)

    async def _is_gone(self, state: PathState) -> bool:
        look = await self._threads.run(lambda: self._files.look(state.record.root, state.record.path))
        return look.presence in (Presence.ABSENT, Presence.DANGLING)


def _is_rotten(state: PathState) -> bool:
    """Whether the disk changed the bytes: then the block map on record is not of the present ones."""
    return any(finding.cause in (Cause.DISK, Cause.UNREADABLE) for finding in state.findings)


def _choose(model_id: str, states: Sequence[PathState], shown: Sequence[str]) -> list[PathState]:
    if not shown:
        return list(states)
    by_name = {display(state.record.path): state for state in states}
    strangers = [name for name in shown if name not in by_name]
    if strangers:
        raise InvalidRequest(
            f"cannot trust {strangers[0]}: it is not a file of {model_id}", f"list its files with `healthctl files {model_id}`"
        )
    return [by_name[name] for name in shown]


def _accept(
    connection: Connection,
    model_id: str,
    chosen: Sequence[PathState],
    gone: Sequence[PathState],
    uid: int,
    reason: str,
    now: datetime,
) -> None:
    told = []
    for state in chosen:
        record, content = state.record, state.content
        if state in gone:
            paths.forget(connection, record.id)
            told.append(f"uid {uid} accepted that {display(record.path)} is gone")
        elif content is not None and content.is_whole and not _is_rotten(state):
            paths.expect_content(connection, record.id, content, at=now, by_uid=uid, reason=reason)
            told.append(f"uid {uid} accepted the present bytes of {display(record.path)}")
        else:
            paths.expect_nothing(connection, record.id)
            if content is not None:
                contents.reset(connection, content.id)
            told.append(f"uid {uid} accepted whatever {display(record.path)} holds when it is read next")
    because = f", because: {printable(reason)}" if reason else ""
    events.append(connection, [NewEvent(now, EventKind.TRUST_GIVEN, line + because, model_id=model_id) for line in told])
    contents.forget_unused(connection)
    strike_off(connection, now)
