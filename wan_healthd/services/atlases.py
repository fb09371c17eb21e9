"""What is known of the roots before they are walked: read from the store once, and again only when the roster changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from wan_healthd.domain.models import Model
from wan_healthd.layouts.registry import Atlas, StatedModel
from wan_healthd.store import models
from wan_healthd.store.connection import Connection
from wan_healthd.store.database import Database


class Atlases:
    """Keeps the models that are folders, for all who have to find out what a path belongs to.

    Args:
        informed: gives the stated models with what is known of their sources.
    """

    def __init__(
        self,
        database: Database,
        stated: Sequence[StatedModel],
        informed: Callable[[Sequence[StatedModel]], Sequence[StatedModel]] = tuple,
    ) -> None:
        self._database = database
        self._stated = tuple(stated)
        self._informed = informed
        self._version = -1
        self._folders: Mapping[bytes, Model] = {}

    @property
    def stated(self) -> tuple[StatedModel, ...]:
        """The models that the configuration expects, with what is known of their sources by now."""
        return tuple(self._informed(self._stated))

    async def of(self, root: bytes) -> Atlas:
        """The atlas of one root, as the store has it now."""
        news = await self._database.read(self._news)
        if news is not None:
            self._version, self._folders = news
        return Atlas(root, self.stated, self._folders)

    def _news(self, connection: Connection) -> tuple[int, Mapping[bytes, Model]] | None:
        """The roster's version and its folders, where they are not those that are kept."""
        version = models.roster_version(connection)
        return None if version == self._version else (version, models.folders(connection))
