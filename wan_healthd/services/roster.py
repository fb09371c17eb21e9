"""The roster of models: files are enrolled under their model, and models without files are struck off."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from wan_healthd.domain.events import EventKind, NewEvent
from wan_healthd.domain.files import Role
from wan_healthd.domain.models import Model
from wan_healthd.domain.paths import display, printable
from wan_healthd.services.verdicts import refresh
from wan_healthd.store import events, models, paths
from wan_healthd.store.connection import Connection


def enroll(connection: Connection, model: Model, files: Iterable[tuple[bytes, Role]], now: datetime) -> bool:
    """Record the model and these files of it; a new model gets its first verdict and an event. True if it is new."""
    is_new = models.put(connection, model, now)
    bereft: set[str] = set()
    for path, role in files:
        bereft.update(models.join(connection, model.id, paths.ensure(connection, path, model.root, role)))
    if is_new:
        told = f"{printable(model.id)} appeared at {display(model.path)} ({model.layout})"
        events.append(connection, [NewEvent(now, EventKind.MODEL_APPEARED, told, model_id=model.id, path=display(model.path))])
    strike_off(connection, now)
    for model_id in (model.id, *sorted(bereft)):
        refresh(connection, model_id, now, finished=False)
    return is_new


def expect(connection: Connection, model: Model, needed: Iterable[tuple[bytes, Role]], now: datetime) -> None:
    """Record that the model needs these files, which are not there."""
    files = list(needed)
    enroll(connection, model, files, now)
    paths.need(connection, [path for path, _ in files])


def strike_off(connection: Connection, now: datetime) -> None:
    """Forget unstated models that no file belongs to any more."""
    gone = models.without_files(connection)
    models.forget(connection, gone)
    events.append(
        connection,
        [
            NewEvent(now, EventKind.MODEL_FORGOTTEN, f"{printable(model_id)} has no files any more", model_id=model_id)
            for model_id in gone
        ],
    )
