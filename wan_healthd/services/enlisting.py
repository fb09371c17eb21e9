"""Enlisting: what a visit to a folder tells the roster of models, in as few transactions as can be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from wan_healthd.domain.files import Role
from wan_healthd.domain.models import Model
from wan_healthd.domain.ports import Clock
from wan_healthd.layouts.registry import Atlas
from wan_healthd.services.feed import Feed
from wan_healthd.services.members import Member
from wan_healthd.services.naming import named
from wan_healthd.services.roster import Enrolment, enroll, enroll_all
from wan_healthd.services.survey import Survey
from wan_healthd.store import paths
from wan_healthd.store.database import Database
from wan_healthd.store.paths import Glance

AT_A_TIME = 64
"""Models that one transaction enrols."""


class Enlisting:
    """Writes to the roster what changed, and only that."""

    def __init__(self, database: Database, clock: Clock, feed: Feed) -> None:
        self._database = database
        self._clock = clock
        self._feed = feed

    async def named(self, survey: Survey, atlas: Atlas) -> Survey:
        """The survey with the model under the id that it has or gets."""
        model = survey.ground.model
        if model is None or model.stated or atlas.remembered.get(model.path) == model:
            return survey
        own = await self._database.read(lambda db: named(db, model))
        return replace(survey, ground=replace(survey.ground, model=own))

    async def as_named(self, present: list[Member], known: Mapping[bytes, Glance]) -> list[Member]:
        """The members that are models by themselves, under the ids that they have or get."""
        strange = [m for m in present if not m.model.layout.is_folder and not _is_known_as(m.model, known.get(m.path))]
        if not strange:
            return present
        own = await self._database.read(lambda db: {m.path: named(db, m.model) for m in strange})
        return [replace(m, model=own.get(m.path, m.model)) for m in present]

    async def keep_layout(self, survey: Survey, atlas: Atlas) -> bool:
        """A model that is known may turn out to be of another layout once more of it is there. True if it does."""
        model = survey.ground.model
        if model is None or model.path != survey.listing.path or atlas.remembered.get(model.path, model) == model:
            return False
        now = self._clock.now()
        if atlas.remembered[model.path].id == model.id:
            await self._database.write(lambda db: enroll(db, model, [], now))
        return True

    async def enroll(self, present: Sequence[Member], known: Mapping[bytes, Glance]) -> None:
        """Those that the store does not know yet as files of their models; `known` are those that it knows in the folder."""
        new: dict[Model, list[tuple[bytes, Role]]] = {}
        for member in present:
            if not _is_known_as(member.model, known.get(member.path)):
                new.setdefault(member.model, []).append((member.path, member.role))
        if new:
            now = self._clock.now()
            enrolments = [Enrolment(model, files) for model, files in new.items()]
            for first in range(0, len(enrolments), AT_A_TIME):
                some = enrolments[first : first + AT_A_TIME]
                await self._database.write(lambda db, some=some: enroll_all(db, some, now))  # type: ignore[misc]
            self._feed.stirred()

    async def need_no_more(self, found: Sequence[bytes]) -> None:
        """They are there, or nobody needs them any more."""
        if found:
            await self._database.write(lambda db: paths.need(db, found, is_essential=False))


def _is_known_as(model: Model, glance: Glance | None) -> bool:
    return glance is not None and glance.models == (model.id,)
