"""What is known of a file that is to be judged; one that is not known yet is enrolled first."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from msgspec import Struct

from wan_healthd.domain.files import FileLook, Presence
from wan_healthd.domain.identity import FileIdentity
from wan_healthd.domain.models import Model
from wan_healthd.domain.ports import Clock
from wan_healthd.services.passes import is_small
from wan_healthd.services.places import Place, Places
from wan_healthd.services.queue import Task
from wan_healthd.services.roster import enroll
from wan_healthd.store import contents, models, paths
from wan_healthd.store.connection import Connection
from wan_healthd.store.database import Database
from wan_healthd.store.records import ContentRecord, PathRecord, PathState


class Known(Struct, frozen=True):
    """What the store knows of a path.

    Args:
        model: whose it is; None where nobody's that is watched.
        present: the content that is there now, as far as it was read before; None: nothing is there, or it was never read.
    """

    state: PathState
    model: Model | None = None
    present: ContentRecord | None = None

    @property
    def model_ids(self) -> tuple[str, ...]:
        """The model that it belongs to, if it does."""
        return () if self.model is None else (self.model.id,)


class Register:
    """Finds what is known, in one question to the store.

    Args:
        model_appeared: called with root and folder of a folder model that a single file brought to light.
    """

    def __init__(
        self, database: Database, places: Places, clock: Clock, model_appeared: Callable[[bytes, bytes], None]
    ) -> None:
        self._database = database
        self._places = places
        self._clock = clock
        self._model_appeared = model_appeared

    async def of(self, task: Task, look: FileLook) -> Known | None:
        """What the store knows of the task's path; one that is there and belongs to a model is enrolled first."""
        identity = look.identity
        known = await self._database.read(lambda db: _known(db, task.path, identity))
        if known is not None or look.presence in (Presence.ABSENT, Presence.FOLDER):
            return known
        place = await self._places.find(task.root, task.path)
        if place is None:
            return None
        now = self._clock.now()
        known, is_new = await self._database.write(lambda db: _enrolled(db, task.path, place, identity, now))
        if is_new and place.model.layout.is_folder:
            self._model_appeared(task.root, place.model.path)
        return known

    async def content(self, record: PathRecord, present: ContentRecord | None, identity: FileIdentity) -> ContentRecord:
        """The content that is read at the path from now on; nobody drops it meanwhile.

        What was judged here before is safe, and what is read in one piece goes on record together with what is found of it:
        neither needs a transaction of its own.
        """
        if present is not None and present.id == record.content_id:
            return present
        if present is None and is_small(identity.size_bytes):
            return contents.unwritten(identity)
        return await self._database.write(lambda db: _begin(db, record.id, identity))


def _known(connection: Connection, path: bytes, identity: FileIdentity | None) -> Known | None:
    state = paths.state(connection, path)
    if state is None:
        return None
    present = None if identity is None else contents.find(connection, identity)
    return Known(state, models.owner(connection, state.record.id), present)


def _enrolled(
    connection: Connection, path: bytes, place: Place, identity: FileIdentity | None, now: datetime
) -> tuple[Known | None, bool]:
    is_new = enroll(connection, place.model, [(path, place.role)], now)
    return _known(connection, path, identity), is_new


def _begin(connection: Connection, path_id: int, identity: FileIdentity) -> ContentRecord:
    """The content that is read at the path from now on."""
    content = contents.ensure(connection, identity)
    paths.begin_reading(connection, path_id, content.id)
    return content
