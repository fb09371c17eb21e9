"""The roster of models: files are enrolled under their model, and models without files are struck off."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from wan_healthd.domain.events import EventKind, NewEvent
from wan_healthd.domain.files import Role
from wan_healthd.domain.models import Model
from wan_healthd.domain.paths import display, printable
from wan_healthd.layouts.names import role_of
from wan_healthd.services.naming import named
from wan_healthd.services.verdicts import refresh
from wan_healthd.store import alerts, events, models, paths
from wan_healthd.store.connection import Connection


class Enrolment(Struct, frozen=True):
    """A model, and files of it with their roles."""

    model: Model
    files: Sequence[tuple[bytes, Role]]


def enroll(connection: Connection, model: Model, files: Iterable[tuple[bytes, Role]], now: datetime) -> bool:
    """Record the model and these files of it; a new model gets its first verdict and an event. True if it is new."""
    return bool(enroll_all(connection, [Enrolment(model, tuple(files))], now))


def enroll_all(connection: Connection, enrolments: Iterable[Enrolment], now: datetime) -> tuple[str, ...]:
    """As `enroll`, of several models; each verdict is made anew once. Returns the ids of the new ones."""
    new: list[str] = []
    concerned: list[str] = []
    bereft: set[str] = set()
    for enrolment in enrolments:
        model = named(connection, enrolment.model)
        concerned.append(model.id)
        if models.put(connection, model, now):
            new.append(model.id)
        for path, role in enrolment.files:
            bereft.update(models.join(connection, model.id, paths.ensure(connection, path, model.root, role)))
        if model.id in new:
            told = f"{printable(model.id)} appeared at {display(model.path)} ({model.layout})"
            event = NewEvent(now, EventKind.MODEL_APPEARED, told, model_id=model.id, path=display(model.path))
            events.append(connection, [event])
    _forget(connection, models.bereft(connection, bereft), now)
    for model_id in dict.fromkeys((*concerned, *sorted(bereft))):
        refresh(connection, model_id, now, finished=False)
    return tuple(new)


class Missed(Struct, frozen=True):
    """Needed paths that are absent: those already missed, and those that nobody missed yet."""

    known: frozenset[bytes]
    new: frozenset[bytes]


def missed(connection: Connection, absent: Mapping[bytes, Model]) -> Missed:
    """Of these absent paths (with the models that need them) those whose absence nobody accepted."""
    wanted = paths.not_dispensed(connection, absent)
    expected = paths.essentials(connection, wanted)
    known = frozenset(path for path in wanted if expected.get(path) == (absent[path].id,))
    return Missed(known, wanted - known)


def expect(connection: Connection, needed: Mapping[bytes, Model], now: datetime) -> None:
    """Record that the models need these files, which are not there."""
    for model in {model.id: model for model in needed.values()}.values():
        files = [(path, role_of(path.rsplit(b"/", 1)[-1]) or Role.SUPPORT) for path in needed if needed[path].id == model.id]
        enroll(connection, model, files, now)
    paths.need(connection, needed)


def strike_off(connection: Connection, now: datetime, among: Iterable[str] | None = None) -> None:
    """Forget unstated models that no file belongs to any more; where it is known which they could be, only these are asked."""
    _forget(connection, models.without_files(connection) if among is None else models.bereft(connection, among), now)


def _forget(connection: Connection, gone: Sequence[str], now: datetime) -> None:
    models.forget(connection, gone)
    alerts.forget_models(connection, gone, now)
    events.append(
        connection,
        [
            NewEvent(now, EventKind.MODEL_FORGOTTEN, f"{printable(model_id)} has no files any more", model_id=model_id)
            for model_id in gone
        ],
    )
