"""Models, their files and their last verdicts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec

from wan_healthd.domain.models import Layout, Model
from wan_healthd.domain.verdicts import HealthStatus, IntegrityResult
from wan_healthd.store import paths
from wan_healthd.store.connection import Connection
from wan_healthd.store.records import ModelRecord, PathState
from wan_healthd.store.times import optional_time, to_micros

COLUMNS = "id, layout, path, root, stated, checked_at, status_since, oldest_read_at, size_bytes, body"


def put(connection: Connection, model: Model, now: datetime) -> bool:
    """Record the model; True if it is new."""
    # Who is not watched any more keeps no id from others; the files stay known.
    connection.execute("DELETE FROM model WHERE id = ? AND path != ? AND NOT watched", (model.id, model.path))
    known = connection.execute("SELECT root FROM model WHERE id = ?", (model.id,)).fetchone()
    connection.execute(
        "INSERT INTO model (id, layout, path, root, stated, appeared_at) VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (id) DO UPDATE SET layout = excluded.layout, path = excluded.path,"
        " root = excluded.root, stated = excluded.stated, watched = 1",
        (model.id, model.layout.value, model.path, model.root, int(model.stated), to_micros(now)),
    )
    if known is not None and known[0] != model.root:
        connection.execute(
            "UPDATE path SET root = ? WHERE id IN (SELECT path_id FROM membership WHERE model_id = ?)", (model.root, model.id)
        )
    return known is None


def watch(connection: Connection, watched_roots: Sequence[bytes], stated_ids: Sequence[str]) -> None:
    """Only models below these roots are shown, and only these ids are stated; what is not watched is kept, not forgotten."""
    connection.execute("UPDATE model SET watched = 0, stated = 0")
    connection.executemany("UPDATE model SET watched = 1 WHERE root = ?", [(root,) for root in watched_roots])
    known = connection.execute("SELECT root FROM watched_root").fetchall()
    connection.executemany("DELETE FROM watched_root WHERE root = ?", [row for row in known if row[0] not in watched_roots])
    connection.executemany("INSERT OR IGNORE INTO watched_root (root) VALUES (?)", [(root,) for root in watched_roots])
    connection.executemany("UPDATE model SET stated = 1 WHERE id = ?", [(model_id,) for model_id in stated_ids])


def roster_version(connection: Connection) -> int:
    """A number that grows whenever a model comes, goes, or is of another place or layout."""
    return int(connection.execute("SELECT version FROM roster").fetchone()[0])


def id_at(connection: Connection, path: bytes) -> str | None:
    """The id of the watched model at this very path, if there is one."""
    row = connection.execute("SELECT id FROM model WHERE path = ? AND watched ORDER BY rowid DESC", (path,)).fetchone()
    return None if row is None else str(row[0])


def holder(connection: Connection, model_id: str) -> Model | None:
    """The watched model of this id."""
    record = get(connection, model_id)
    return None if record is None else record.model


def join(connection: Connection, model_id: str, path_id: int) -> tuple[str, ...]:
    """The path is one of this model's files, and of no other's; returns whose it was till now."""
    before = tuple(other for other in of_path(connection, path_id) if other != model_id)
    connection.execute("DELETE FROM membership WHERE path_id = ? AND model_id != ?", (path_id, model_id))
    connection.execute("INSERT OR IGNORE INTO membership VALUES (?, ?)", (model_id, path_id))
    return before


def get(connection: Connection, model_id: str) -> ModelRecord | None:
    """One model."""
    row = connection.execute(f"SELECT {COLUMNS} FROM model WHERE id = ? AND watched", (model_id,)).fetchone()
    return None if row is None else _record(row)


def everything(connection: Connection) -> tuple[ModelRecord, ...]:
    """All models by id."""
    return tuple(_record(row) for row in connection.execute(f"SELECT {COLUMNS} FROM model WHERE watched ORDER BY id"))


def folders(connection: Connection) -> dict[bytes, Model]:
    """The models that are folders, by path."""
    rows = connection.execute("SELECT id, layout, path, root, stated FROM model WHERE watched")
    found = (Model(model_id, Layout(layout), path, root, bool(stated)) for model_id, layout, path, root, stated in rows)
    return {model.path: model for model in found if model.layout.is_folder}


def file_paths(connection: Connection, model_id: str) -> tuple[bytes, ...]:
    """Paths of the model's files, sorted."""
    rows = connection.execute(
        "SELECT path.path FROM membership JOIN path ON path.id = path_id WHERE model_id = ? ORDER BY path.path", (model_id,)
    )
    return tuple(row[0] for row in rows)


def files(connection: Connection, model_id: str) -> tuple[PathState, ...]:
    """All that is known of the model's files, sorted by path."""
    states = (paths.state(connection, path) for path in file_paths(connection, model_id))
    return tuple(state for state in states if state is not None)


def of_path(connection: Connection, path_id: int) -> tuple[str, ...]:
    """Ids of the models that the path belongs to."""
    rows = connection.execute("SELECT model_id FROM membership WHERE path_id = ? ORDER BY model_id", (path_id,))
    return tuple(row[0] for row in rows)


def owner(connection: Connection, path_id: int) -> Model | None:
    """The watched model that the path belongs to."""
    row = connection.execute(
        "SELECT id, layout, path, root, stated FROM membership JOIN model ON id = model_id"
        " WHERE path_id = ? AND watched ORDER BY id",
        (path_id,),
    ).fetchone()
    if row is None:
        return None
    model_id, layout, path, root, stated = row
    return Model(model_id, Layout(layout), path, root, bool(stated))


def judged(
    connection: Connection, result: IntegrityResult, now: datetime, *, oldest_read_at: datetime | None, size_bytes: int
) -> HealthStatus | None:
    """Record a verdict, with what it tells only roughly or not at all; returns the status before it."""
    row = connection.execute("SELECT status FROM model WHERE id = ?", (result.model_id,)).fetchone()
    before = None if row is None or row[0] is None else HealthStatus(row[0])
    connection.execute(
        "UPDATE model SET checked_at = ?, status = ?, oldest_read_at = ?, size_bytes = ?, body = ? WHERE id = ?",
        (
            None if result.last_checked is None else to_micros(result.last_checked),
            result.health_status.value,
            None if oldest_read_at is None else to_micros(oldest_read_at),
            size_bytes,
            msgspec.json.encode(result),
            result.model_id,
        ),
    )
    if before is not result.health_status:
        connection.execute("UPDATE model SET status_since = ? WHERE id = ?", (to_micros(now), result.model_id))
    return before


def without_files(connection: Connection) -> tuple[str, ...]:
    """Unstated models that no path belongs to any more."""
    rows = connection.execute(
        "SELECT id FROM model WHERE NOT stated AND NOT EXISTS (SELECT 1 FROM membership WHERE model_id = id) ORDER BY id"
    )
    return tuple(row[0] for row in rows)


def bereft(connection: Connection, among: Iterable[str]) -> tuple[str, ...]:
    """Those of the models that are unstated, and no path belongs to them any more."""
    query = "SELECT 1 FROM model WHERE id = ? AND NOT stated AND NOT EXISTS (SELECT 1 FROM membership WHERE model_id = id)"
    return tuple(model_id for model_id in sorted(among) if connection.execute(query, (model_id,)).fetchone() is not None)


def forget(connection: Connection, model_ids: Sequence[str]) -> None:
    """Forget these models; their paths stay until they are forgotten themselves."""
    connection.executemany("DELETE FROM model WHERE id = ?", [(model_id,) for model_id in model_ids])


def _record(row: tuple[Any, ...]) -> ModelRecord:
    model_id, layout, path, root, stated, checked_at, since, oldest, size_bytes, body = row
    return ModelRecord(
        model=Model(model_id, Layout(layout), path, root, bool(stated)),
        checked_at=optional_time(checked_at),
        status_since=optional_time(since),
        oldest_read_at=optional_time(oldest),
        size_bytes=size_bytes or 0,
        result=None if body is None else msgspec.json.decode(body, type=IntegrityResult),
    )
