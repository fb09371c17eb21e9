"""Lookups: what the sources that the configuration states hold, asked of the hub once and kept."""

from __future__ import annotations

import asyncio
import contextlib
import posixpath
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from msgspec import Struct

from wan_healthd.domain.errors import HubUnreachable
from wan_healthd.domain.evidence import HubSilence
from wan_healthd.domain.files import Presence
from wan_healthd.domain.hub import RepoTree
from wan_healthd.domain.paths import is_at_or_below
from wan_healthd.domain.ports import Clock, Files, Hub, Threads
from wan_healthd.domain.source_ref import SourceRef
from wan_healthd.provenance import hub as provenance
from wan_healthd.provenance.hub import PinnedTree
from wan_healthd.provenance.sources import Unusable
from wan_healthd.services import local_commit
from wan_healthd.services.hub_word import HubWord
from wan_healthd.services.publish import Publisher
from wan_healthd.store import hub, roots
from wan_healthd.store.connection import Connection
from wan_healthd.store.database import Database
from wan_healthd.store.hub import TreeRecord

RETRY_S = 900.0
"""What failed is asked for again after so long, if no sweep comes before: networks are often up later than daemons."""

CURE_OF_LIST = "look at HF_ENDPOINT: the hub itself never sends such a list"


class Sourced(Struct, frozen=True):
    """A model that states a source; `path` and `root` are absolute."""

    model_id: str
    path: bytes
    root: bytes
    ref: SourceRef


class Lookup:
    """Asks in the background, one model after the other: no check ever waits for the network.

    Args:
        client: None: the hub may not be asked; what was learnt before holds all the same.
        word: is told of each tree.
        retell: has everything in (root, folder) judged again; awaited until that is done, but nothing else waits for it.
        complain: told of errors that are ours.
        retry_s: see RETRY_S.
    """

    def __init__(
        self,
        *,
        client: Hub | None,
        files: Files,
        threads: Threads,
        database: Database,
        clock: Clock,
        word: HubWord,
        publisher: Publisher,
        models: Sequence[Sourced],
        retell: Callable[[bytes, bytes], Awaitable[None]],
        complain: Callable[[str, BaseException], None],
        retry_s: float = RETRY_S,
    ) -> None:
        self._client = client
        self._files = files
        self._threads = threads
        self._database = database
        self._clock = clock
        self._word = word
        self._publisher = publisher
        self._models = tuple(models)
        self._retell = retell
        self._complain = complain
        self._retry_s = retry_s
        self._is_asked = asyncio.Event()
        self._unheard: list[Sourced] = []

    async def recall(self) -> None:
        """Take up what is kept; what was kept for a source that is stated differently now is dropped."""
        asked = {model.model_id for model in self._models if self._client is not None}
        trees, ended = await self._database.write(lambda db: _recall(db, self._models, asked))
        unheard = await self._database.read(hub.unheard)
        self._unheard = [model for model in self._models if model.model_id in unheard]
        for model_id, tree in trees.items():
            self._word.keep(model_id, tree)
        for model_id in ended:
            await self._publisher.refresh(model_id)

    def ask(self) -> None:
        """Have looked up whatever lacks a tree. Does not wait; asking again meanwhile does nothing."""
        self._is_asked.set()

    async def run(self) -> None:
        """Look up whenever asked, and again after a while what failed, until cancelled."""
        await self._is_asked.wait()
        async with asyncio.TaskGroup() as hearings:
            while True:
                self._is_asked.clear()
                self._have_all_heard(hearings)
                for model in self._unknown():
                    if self._client is not None:
                        await self._look_up(self._client, model)
                        self._have_all_heard(hearings)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._is_asked.wait(), self._retry_s if self._unknown() else None)

    def _have_all_heard(self, hearings: asyncio.TaskGroup) -> None:
        unheard, self._unheard = self._unheard, []
        for model in unheard:
            hearings.create_task(self._have_heard(model))

    def _unknown(self) -> list[Sourced]:
        return [model for model in self._models if not self._word.has_tree_of(model.model_id)]

    async def _look_up(self, client: Hub, model: Sourced) -> None:
        try:
            silence = await self._ask(client, model)
            if silence is not None:
                await self._fall_silent(model, silence)
        except Exception as error:  # the boundary that isolates one lookup: the next model's may work
            self._complain(f"looking up {model.ref}", error)

    async def _ask(self, client: Hub, model: Sourced) -> HubSilence | None:
        """Ask and keep the answer; why there is none, if there is none."""
        ref = await self._threads.run(lambda: local_commit.pinned_locally(self._files, model.path, model.root, model.ref))
        try:
            await self._keep(model, await client.tree(ref))
        except HubUnreachable as error:
            return HubSilence(error.message, error.suggestion)
        return None

    async def _keep(self, model: Sourced, answer: RepoTree) -> None:
        body = provenance.document(answer.files)
        tree = provenance.pinned(model.ref.repo, answer.commit, body)
        if isinstance(tree, Unusable):
            raise HubUnreachable(f"cannot use what the hub lists for {model.ref}: {tree.reason}", CURE_OF_LIST)
        record = TreeRecord(model.model_id, str(model.ref), model.ref.repo, answer.commit, body)
        now = self._clock.now()
        await self._database.write(lambda db: _pin(db, record, now))
        self._word.keep(model.model_id, tree)
        await self._publisher.refresh(model.model_id)
        self._unheard.append(model)

    async def _have_heard(self, model: Sourced) -> None:
        """Have the model's files judged by its tree. Until that is on record, each sweep and each start does it again."""
        try:
            look = await self._threads.run(lambda: self._files.look(model.root, model.path))
            await self._retell(model.root, model.path if look.presence is Presence.FOLDER else posixpath.dirname(model.path))
            if not await self._database.write(lambda db: _record_heard(db, model)):
                self._unheard.append(model)
        except Exception as error:  # the boundary that isolates one model
            self._complain(f"judging {model.model_id} by what {model.ref} holds", error)

    async def _fall_silent(self, model: Sourced, silence: HubSilence) -> None:
        await self._database.write(lambda db: hub.fell_silent(db, model.model_id, silence))
        await self._publisher.refresh(model.model_id)


def _pin(connection: Connection, record: TreeRecord, now: datetime) -> None:
    hub.pin(connection, record, now)
    hub.spoke(connection, record.model_id)


def _record_heard(connection: Connection, model: Sourced) -> bool:
    """False, and nothing is recorded, if something of the model was out of reach."""
    if any(is_at_or_below(model.path, place) or is_at_or_below(place, model.path) for place in roots.lost(connection)):
        return False
    hub.heard(connection, model.model_id)
    return True


def _recall(
    connection: Connection, models: Sequence[Sourced], asked: set[str]
) -> tuple[dict[str, PinnedTree], tuple[str, ...]]:
    """The trees in force by their models, and the models of which no failed lookup counts any more."""
    stated = {model.model_id: str(model.ref) for model in models}
    trees: dict[str, PinnedTree] = {}
    for record in hub.pins(connection):
        if record.model_id not in stated:  # perhaps of another configuration that shares this state
            continue
        tree = provenance.pinned(record.repo, record.commit, record.body)
        if isinstance(tree, Unusable) or record.source != stated[record.model_id]:
            hub.unpin(connection, [record.model_id])
        else:
            trees[record.model_id] = tree
    ended = tuple(model_id for model_id in hub.silences(connection) if model_id not in asked or model_id in trees)
    for model_id in ended:
        hub.spoke(connection, model_id)
    return trees, ended
