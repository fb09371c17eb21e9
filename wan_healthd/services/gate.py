"""Lets models pass to those who want to load them: the verdict, and one look at every file, however long the model is known."""

from __future__ import annotations

import asyncio

from msgspec import Struct

from wan_healthd.checks.gate import Sight, by_sight, by_verdict
from wan_healthd.domain.errors import ModelNotFound
from wan_healthd.domain.files import FileLook, Presence
from wan_healthd.domain.gate import Gate
from wan_healthd.domain.models import Model
from wan_healthd.domain.partials import is_orphan
from wan_healthd.domain.paths import join, printable
from wan_healthd.domain.ports import Clock, Files, Threads
from wan_healthd.layouts.names import is_unfinished
from wan_healthd.services.crew import Crew
from wan_healthd.store import models, partials
from wan_healthd.store.connection import Connection
from wan_healthd.store.database import Database
from wan_healthd.store.records import PathState

PATIENCE_S = 5.0
"""How long a file system may take to tell of all files of a model."""


class _Known(Struct, frozen=True):
    """What the state holds of one model; `folders` are its own, in which nobody else's files lie."""

    root: bytes
    files: tuple[PathState, ...]
    partials: tuple[bytes, ...]
    folders: frozenset[bytes]


def _known(connection: Connection, model: Model) -> _Known:
    files = models.files(connection, model.id)
    folders = frozenset(state.record.path.rpartition(b"/")[0] for state in files) if model.layout.is_folder else frozenset()
    return _Known(model.root, files, tuple(item.path for item in partials.of_model(connection, model.id)), folders)


class Gatekeeper:
    """Answers whether a model may be loaded now.

    One look at a time is under way below each root, so that a dead mount costs one thread, however many ask.

    Args:
        reads_content: whether contents are read at all; if not, none is missed.
        patience_s: how long a file system may take to answer.
    """

    def __init__(
        self,
        *,
        database: Database,
        files: Files,
        threads: Threads,
        clock: Clock,
        crew: Crew,
        reads_content: bool,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._database = database
        self._files = files
        self._threads = threads
        self._clock = clock
        self._crew = crew
        self._reads_content = reads_content
        self._patience_s = patience_s
        self._looking: dict[bytes, asyncio.Task[Sight]] = {}

    async def gate(self, model_id: str) -> Gate:
        """The answer.

        Raises:
            ModelNotFound: no model has that id.
        """
        record = await self._database.read(lambda db: models.get(db, model_id))
        if record is None or record.result is None:
            raise ModelNotFound(
                f"cannot tell whether {printable(model_id)} may be loaded: no model has that id",
                "list the models with `healthctl status`",
            )
        forbidden = by_verdict(record.result)
        return by_sight(record.result, await self._sight(record.model)) if forbidden is None else forbidden

    async def _sight(self, model: Model) -> Sight:
        """How its files are now, unless their file system does not answer in time."""
        known = await self._database.read(lambda db: _known(db, model))
        deadline = self._clock.monotonic() + self._patience_s
        while (other := self._looking.get(known.root)) is not None:
            if not (await asyncio.wait([other], timeout=deadline - self._clock.monotonic()))[0]:
                return Sight(is_silent=True)
        now_s = self._clock.now().timestamp()
        look = self._crew.start(self._threads.run(lambda: self._see(known, now_s)))
        self._looking[known.root] = look
        look.add_done_callback(lambda _: self._looking.pop(known.root))
        done, _ = await asyncio.wait([look], timeout=deadline - self._clock.monotonic())
        return look.result() if done else Sight(is_silent=True)

    def _see(self, known: _Known, now_s: float) -> Sight:
        unfinished = {path: self._files.look(known.root, path) for path in known.partials}
        for folder in known.folders:  # what began since the last sweep
            listing = self._files.list_folder(known.root, folder)
            unfinished.update((join(folder, item.name), item.look) for item in listing.entries if is_unfinished(item.name))
        return Sight(
            altered=tuple(state.record.path for state in known.files if not self._is_as_judged(state)),
            arriving=tuple(sorted(path for path, look in unfinished.items() if _is_written(look, now_s))),
            unread=tuple(state.record.path for state in known.files if self._reads_content and _is_unread(state)),
        )

    def _is_as_judged(self, state: PathState) -> bool:
        look = self._files.look(state.record.root, state.record.path)
        if state.content is None:  # nothing was recorded of it that could differ: its findings say why
            return look.presence is not Presence.ABSENT or bool(state.findings)
        return look.identity == state.content.identity


def _is_written(look: FileLook, now_s: float) -> bool:
    """Whether somebody goes on with an unfinished file."""
    return look.presence is Presence.FILE and look.identity is not None and not is_orphan(look.identity.mtime_ns / 1e9, now_s)


def _is_unread(state: PathState) -> bool:
    return state.content is None or not state.content.is_whole
