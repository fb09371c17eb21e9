"""Trust: a person accepts the present bytes as the new truth. Recorded with who and why."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from wan_healthd.domain.errors import FileNotKnown, ModelNotFound, RootUnreachable
from wan_healthd.domain.events import EventKind, NewEvent
from wan_healthd.domain.files import FileLook, Presence
from wan_healthd.domain.findings import Cause
from wan_healthd.domain.models import Model
from wan_healthd.domain.paths import display, printable
from wan_healthd.domain.ports import Clock, Files, Threads
from wan_healthd.domain.verdicts import IntegrityResult
from wan_healthd.services.feed import Feed
from wan_healthd.services.jobs import Jobs
from wan_healthd.services.neighbours import missing_companions, partners
from wan_healthd.services.roster import strike_off
from wan_healthd.services.verdicts import refresh, refresh_companioned
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
        loses its old baseline, and its next read makes the new one. A companion that is missing may be named, too: that it
        is absent is accepted. Then the model is checked again.

        Returns:
            The new verdict; None if the model is gone with its last file.

        Raises:
            ModelNotFound: no model has that id.
            FileNotKnown: a file does not belong to the model.
            RootUnreachable: none of its files can be seen; that they are gone cannot be accepted now.
        """
        states = await self._database.read(lambda db: models.files(db, model_id))
        record = await self._database.read(lambda db: models.get(db, model_id))
        if record is None:
            raise ModelNotFound(f"cannot trust {model_id}: no model has that id", "list the models with `healthctl status`")
        missing = await self._database.read(lambda db: missing_companions(db, model_id))
        absent = [path for name, path in missing.items() if not shown or name in shown]
        named = [name for name in shown if name not in missing]
        chosen = [state.record for state in _choose(model_id, states, named)] if named or not shown else []
        await self._reach(record.model)
        looks = [(path, await self._look(path)) for path in chosen]
        now = self._clock.now()
        decision = _Decision(model_id, tuple(looks), tuple(absent), uid, reason)
        await self._database.write(lambda db: _accept(db, decision, now))
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
        raise FileNotKnown(
            f"cannot trust {strangers[0]}: it is not a file of {model_id}", f"list its files with `healthctl files {model_id}`"
        )
    return [by_name[name] for name in shown]


class _Decision(Struct, frozen=True):
    """What somebody accepts: the files of a model as they look now, and that companions of it are absent."""

    model_id: str
    looks: tuple[tuple[PathRecord, FileLook], ...]
    absent: tuple[bytes, ...]
    uid: int
    reason: str


def _accept(connection: Connection, decision: _Decision, now: datetime) -> None:
    told = [_accept_file(connection, decision, record, look, now) for record, look in decision.looks]
    for path in decision.absent:
        paths.dispense(connection, path)
        told.append(f"that {display(path)} is absent")
    because = f", because: {printable(decision.reason)}" if decision.reason else ""
    lines = [f"uid {decision.uid} accepted {what}{because}" for what in told if what]
    events.append(connection, [NewEvent(now, EventKind.TRUST_GIVEN, line, model_id=decision.model_id) for line in lines])
    contents.forget_unused(connection)
    strike_off(connection, now)
    refresh_companioned(connection, now)
    others = {model_id for record, _ in decision.looks for model_id in partners(connection, record.path)}
    for model_id in sorted(others):
        refresh(connection, model_id, now, finished=False)


def _accept_file(connection: Connection, decision: _Decision, record: PathRecord, look: FileLook, now: datetime) -> str | None:
    """What is accepted of one file, in words; None if it was forgotten meanwhile."""
    name, state = display(record.path), paths.state(connection, record.path)
    if state is None:
        return None
    content = state.content
    if look.presence in (Presence.ABSENT, Presence.DANGLING):
        paths.forget(connection, record.id)
        paths.dispense(connection, record.path)
        return f"that {name} is gone"
    if content is not None and _is_present(state, look):
        paths.expect_content(connection, record.id, content, at=now, by_uid=decision.uid, reason=decision.reason)
        return f"the present bytes of {name}"
    paths.expect_nothing(connection, record.id)
    if content is not None:
        contents.reset(connection, content.id)
    return f"whatever {name} holds when it is read next"
