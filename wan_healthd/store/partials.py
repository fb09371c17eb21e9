"""Unfinished downloads and copies, as sweeps saw them: storage is won by removing those that nobody goes on with.

Of what aria2 fetches, the file itself is kept here, with the size of its control file added; where only the control file is
left over beside a file that is known to be whole, it stands here alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from msgspec import Struct

from wan_healthd.domain.partials import ORPHAN_AFTER_S, Orphans, Partial
from wan_healthd.store.connection import Connection

MOST_NAMED = 24
"""Most orphans of one model that are named; the others are counted."""

IS_ORPHAN = f"abs(? - written_at) >= {int(ORPHAN_AFTER_S)}"
IS_NOBODYS = "(model_id IS NULL OR model_id NOT IN (SELECT id FROM model WHERE watched))"


class Owned(Struct, frozen=True):
    """An unfinished file, and the id of the model that it belongs to, if that can be told."""

    partial: Partial
    model_id: str | None


def in_folder(connection: Connection, root: bytes, folder: bytes) -> dict[bytes, Owned]:
    """What is known directly in the folder, by path."""
    rows = connection.execute(
        "SELECT path, size_bytes, written_at, model_id FROM partial WHERE root = ? AND folder = ?", (root, folder)
    )
    return {row[0]: Owned(Partial(*row[:3]), row[3]) for row in rows}


def of_model(connection: Connection, model_id: str) -> tuple[Partial, ...]:
    """The largest of the model's unfinished files, also of those under way."""
    rows = connection.execute(
        "SELECT path, size_bytes, written_at FROM partial WHERE model_id = ? ORDER BY size_bytes DESC, path LIMIT ?",
        (model_id, MOST_NAMED),
    )
    return tuple(Partial(*row) for row in rows)


def put(connection: Connection, root: bytes, found: Iterable[Owned]) -> None:
    """These unfinished files are there."""
    connection.executemany(
        "INSERT OR REPLACE INTO partial VALUES (?, ?, ?, ?, ?, ?)",
        [
            (item.path, item.path.rpartition(b"/")[0] or b"/", root, owned.model_id, item.size_bytes, item.written_s)
            for owned in found
            for item in (owned.partial,)
        ],
    )


def forget(connection: Connection, gone: Iterable[bytes]) -> None:
    """They are finished or gone."""
    connection.executemany("DELETE FROM partial WHERE path = ?", [(path,) for path in gone])


def folders(connection: Connection, root: bytes, folder: bytes) -> frozenset[bytes]:
    """Folders of the root, `folder` or below it, in which unfinished files are known."""
    # "0" follows "/" in ASCII: the half-open interval holds exactly what begins with folder + "/".
    rows = connection.execute(
        "SELECT DISTINCT folder FROM partial WHERE root = ? AND (folder = ? OR (folder >= ? AND folder < ?))",
        (root, folder, folder.rstrip(b"/") + b"/", folder.rstrip(b"/") + b"0"),
    )
    return frozenset(row[0] for row in rows)


def owners(connection: Connection, root: bytes) -> frozenset[str]:
    """The models to which unfinished files below the root belong."""
    rows = connection.execute("SELECT DISTINCT model_id FROM partial WHERE root = ? AND model_id IS NOT NULL", (root,))
    return frozenset(row[0] for row in rows)


def orphans_of(connection: Connection, model_id: str, now_s: float) -> Orphans:
    """The model's unfinished files that nobody goes on with, as of `now_s` (seconds since 1970)."""
    return _orphans(connection, "model_id = ?", (model_id,), now_s)


def orphans_of_nobody(connection: Connection, now_s: float) -> Orphans:
    """Those that belong to no model."""
    return _orphans(connection, IS_NOBODYS, (), now_s)


def watch(connection: Connection, roots: Collection[bytes]) -> None:
    """Forget what lies below other roots than these: no sweep will tell when it goes."""
    known = [row[0] for row in connection.execute("SELECT DISTINCT root FROM partial")]
    connection.executemany("DELETE FROM partial WHERE root = ?", [(root,) for root in known if root not in roots])


def _orphans(connection: Connection, where: str, arguments: Collection[object], now_s: float) -> Orphans:
    wanted = (*arguments, int(now_s))
    total, size_bytes = connection.execute(
        f"SELECT count(*), total(size_bytes) FROM partial WHERE {where} AND {IS_ORPHAN}", wanted
    ).fetchone()
    if not total:
        return Orphans()
    rows = connection.execute(
        f"SELECT path, size_bytes, written_at FROM partial WHERE {where} AND {IS_ORPHAN}"
        " ORDER BY size_bytes DESC, path LIMIT ?",
        (*wanted, MOST_NAMED),
    )
    return Orphans(tuple(Partial(*row) for row in rows), total, int(size_bytes))
