"""Trust: a person accepts the present bytes as the new truth. Recorded with who and why."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from wan_healthd.domain.errors import InvalidRequest, ModelNotFound, RootUnreachable
from wan_healthd.domain.events import EventKind, NewEvent
from wan_healthd.domain.files import FileLook, Presence
from wan_healthd.domain.findings import Cause
from wan_healthd.domain.models import Model
from wan_healthd.domain.paths import display, printable
from wan_healthd.domain.ports import Clock, Files, Threads
from wan_healthd.domain.verdicts import IntegrityResult
from wan_healthd.services.feed import Feed
from wan_healthd.services.jobs import Jobs
from wan_healthd.services.roster import strike_off
from wan_healthd.store import contents, events, models, paths
from wan_healthd.store.connection import Connection
from wan_healthd.store.database import Database
from wan_healthd.store.records import PathRecord, PathState


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
            RootUnreachable: none of its files can be seen; that they are gone cannot be accepted now.
        """
        states = await self._database.read(lambda db: models.files(db, model_id))
        record = await self._database.read(lambda db: models.get(db, model_id))
        if record is None:
            raise ModelNotFound(f"cannot trust {model_id}: no model has that id", "list the models with `healthctl status`")
        chosen = [state.record for state in _choose(model_id, states, shown)]
        await self._reach(record.model)
        looks = [(path, await self._look(path)) for path in chosen]
        now = self._clock.now()
        await self._database.write(lambda db: _accept(db, model_id, looks, uid, reason, now))
        self._feed.stirred()
        if await self._database.read(lambda db: models.get(db, model_id)) is None:
            return None
        return await self._jobs.check(model_id, full=False)

    async def _reach(self, model: Model) -> None:
        look = await self._threads.run(lambda: self._files.look(model.root, model.root))
        if look.presence is not Presence.FOLDER:
            raise RootUnreachable(
                f"cannot trust {model.id}: cannot look at the folder {display(model.root)}",
                "mount the file system first; what cannot be seen cannot be accepted",
            )

    async def _look(self, path: PathRecord) -> FileLook:
        return await self._threads.run(lambda: self._files.look(path.root, path.path))


def _is_present(state: PathState, look: FileLook) -> bool:
    """Whether the bytes on record are those that stand there now: not changed since, and not rotten."""
    content = state.content
    return content is not None and content.is_whole and content.identity == look.identity and not _is_rotten(state)


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
    looks: Sequence[tuple[PathRecord, FileLook]],
    uid: int,
    reason: str,
    now: datetime,
) -> None:
    told = []
    for record, look in looks:
        name, state = display(record.path), paths.state(connection, record.path)
        if state is None:
            continue
        content = state.content
        if look.presence in (Presence.ABSENT, Presence.DANGLING):
            paths.forget(connection, record.id)
            paths.dispense(connection, record.path)
            told.append(f"uid {uid} accepted that {name} is gone")
        elif content is not None and _is_present(state, look):
            paths.expect_content(connection, record.id, content, at=now, by_uid=uid, reason=reason)
            told.append(f"uid {uid} accepted the present bytes of {name}")
        else:
            paths.expect_nothing(connection, record.id)
            if content is not None:
                contents.reset(connection, content.id)
            told.append(f"uid {uid} accepted whatever {name} holds when it is read next")
    because = f", because: {printable(reason)}" if reason else ""
    events.append(connection, [NewEvent(now, EventKind.TRUST_GIVEN, line + because, model_id=model_id) for line in told])
    contents.forget_unused(connection)
    strike_off(connection, now)
