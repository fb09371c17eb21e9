"""A root that has moved: what is expected of its files goes with it, what was seen of them does not.

The copies in the new place have other inodes and times, and perhaps other bytes: nobody has looked at them. So every file
counts as not yet read until it was read there, and is then compared with the digests that were recorded in the old place.
"""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from wan_healthd.domain.errors import InvalidRequest
from wan_healthd.domain.paths import display, is_at_or_below
from wan_healthd.store.connection import Connection
from wan_healthd.store.times import to_micros


class Moved(Struct, frozen=True):
    """What moved: how many files, and the models that they make up."""

    files: int
    model_ids: tuple[str, ...]


def move_root(connection: Connection, old: bytes, new: bytes, now: datetime) -> Moved:
    """Everything that is known below the root `old` is at `new` from now on; both are absolute and without a slash at the end.

    `new` may be `old`: then other files, or another disk, took their place.

    Raises:
        InvalidRequest: nothing is known of such a root, or the state knows files at `new` already.
    """
    _check_known(connection, old)
    rows = connection.execute("SELECT id, path, folder FROM path WHERE root = ?", (old,)).fetchall()
    places = {number: (_moved(path, old, new), _moved(folder, old, new)) for number, path, folder in rows}
    _check_free(connection, {path for path, _ in places.values()}, old, new)
    model_ids = tuple(row[0] for row in connection.execute("SELECT id FROM model WHERE root = ? ORDER BY id", (old,)))
    _forget_looks(connection, old, model_ids, now)
    # By way of names that no path can have: a path may move to where another one was.
    connection.executemany("UPDATE path SET path = ? WHERE id = ?", [(b"\0%d" % number, number) for number in places])
    connection.executemany(
        "UPDATE path SET path = ?, folder = ?, root = ?, content_id = NULL, reading_id = NULL, judged_at = NULL,"
        " mode = NULL, uid = NULL, gid = NULL WHERE id = ?",
        [(path, folder, new, number) for number, (path, folder) in places.items()],
    )
    _move_names(connection, "dispensed", old, new)
    for model_id in model_ids:
        (path,) = connection.execute("SELECT path FROM model WHERE id = ?", (model_id,)).fetchone()
        connection.execute(
            "UPDATE model SET path = ?, root = ?, watched = 1, checked_at = NULL, oldest_read_at = NULL WHERE id = ?",
            (_moved(path, old, new), new, model_id),
        )
    return Moved(len(places), model_ids)


def known_roots(connection: Connection) -> tuple[bytes, ...]:
    """The roots below which files or models are known."""
    rows = connection.execute("SELECT root FROM path UNION SELECT root FROM model ORDER BY 1")
    return tuple(row[0] for row in rows)


def _check_known(connection: Connection, old: bytes) -> None:
    known = known_roots(connection)
    if old not in known:
        names = ", ".join(display(root) for root in known) or "none at all"
        raise InvalidRequest(
            f"cannot move the root {display(old)}: the state knows nothing of it", f"the roots that it knows: {names}"
        )


def _check_free(connection: Connection, wanted: set[bytes], old: bytes, new: bytes) -> None:
    rows = connection.execute("SELECT path FROM path WHERE root != ?", (old,))
    taken = sum(row[0] in wanted for row in rows)
    if taken:
        raise InvalidRequest(
            f"cannot move {display(old)} to {display(new)}: the state knows {taken} files of these names there already,"
            " with baselines of their own",
            "restore a backup of before these were read, and move the root in the same command",
        )


def _moved(path: bytes, old: bytes, new: bytes) -> bytes:
    """The path in its new place; one that a link led to elsewhere stays."""
    if not is_at_or_below(path, old):
        return path
    return (new.rstrip(b"/") + path[len(old.rstrip(b"/")) :]) or b"/"


def _forget_looks(connection: Connection, old: bytes, model_ids: tuple[str, ...], now: datetime) -> None:
    """What was seen in the old place: findings, fingerprints, downloads under way, and the alerts on them, which end unsaid."""
    connection.execute("DELETE FROM finding WHERE path_id IN (SELECT id FROM path WHERE root = ?)", (old,))
    for table in ("folder", "source", "companion_folder", "partial"):
        connection.execute(f"DELETE FROM {table} WHERE root = ?", (old,))
    for table in ("watched_root", "lost_root"):
        rows = [row[0] for row in connection.execute(f"SELECT root FROM {table}") if is_at_or_below(row[0], old)]
        connection.executemany(f"DELETE FROM {table} WHERE root = ?", [(place,) for place in rows])
    ended = "UPDATE alert SET cleared_at = ?, due_at = NULL, waits = NULL WHERE cleared_at IS NULL AND "
    for model_id in model_ids:
        connection.execute("DELETE FROM model_finding WHERE model_id = ?", (model_id,))
        connection.execute(ended + "model_id = ?", (to_micros(now), model_id))
    connection.execute(ended + "path = ?", (to_micros(now), display(old)))


def _move_names(connection: Connection, table: str, old: bytes, new: bytes) -> None:
    rows = [row[0] for row in connection.execute(f"SELECT path FROM {table}") if is_at_or_below(row[0], old)]
    connection.executemany(f"DELETE FROM {table} WHERE path = ?", [(path,) for path in rows])
    connection.executemany(f"INSERT OR IGNORE INTO {table} VALUES (?)", [(_moved(path, old, new),) for path in rows])
