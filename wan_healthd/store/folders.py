"""Folders in which the last sweep found nothing to do: the next one passes by as long as all that this rests on is the same.

What it rests on inside the store is not compared: triggers of the schema drop the row in the transaction that changes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec
from msgspec import Struct

from wan_healthd.store import paths
from wan_healthd.store.connection import Connection
from wan_healthd.store.paths import Glance


class FolderRecord(Struct, frozen=True):
    """What a sweep must know to pass by a folder.

    Args:
        seen: digest of all that its conclusions rest on outside the store.
        ground: digest of what it brings along from here.
        unclaimed: files that belong to no model.
        ignored: sub-folders that it does not enter.
    """

    seen: bytes
    ground: bytes
    unclaimed: int = 0
    ignored: tuple[bytes, ...] = ()


class Settled(Struct, frozen=True):
    """A folder in which there was nothing to do, with what the store knew of its files then."""

    path: bytes
    record: FolderRecord
    known: Mapping[bytes, Glance]


def get(connection: Connection, root: bytes, folders: Sequence[bytes]) -> dict[bytes, FolderRecord]:
    """Those of the folders that are known; of at most 32,000, the most values that SQLite takes in one statement."""
    marks = ", ".join("?" for _ in folders)  # one query for each folder would take three times as long
    rows = connection.execute(
        f"SELECT path, seen, ground, unclaimed, ignored FROM folder WHERE root = ? AND path IN ({marks})",
        (root, *folders),
    )
    return {path: _record(*row) for path, *row in rows}


def keep(connection: Connection, root: bytes, settled: Iterable[Settled]) -> None:
    """There was nothing to do in these folders; of files that are known differently by now, that says nothing."""
    for folder in settled:
        if paths.in_folder(connection, root, folder.path) == folder.known:
            record = folder.record
            ignored = msgspec.json.encode(record.ignored) if record.ignored else None
            connection.execute(
                "INSERT OR REPLACE INTO folder VALUES (?, ?, ?, ?, ?, ?)",
                (root, folder.path, record.seen, record.ground, record.unclaimed, ignored),
            )


def drop(connection: Connection, root: bytes, folders: Iterable[bytes]) -> None:
    """These must be visited next time."""
    connection.executemany("DELETE FROM folder WHERE root = ? AND path = ?", [(root, path) for path in folders])


def not_passed(connection: Connection, root: bytes, folder: bytes, is_passed: Callable[[bytes], bool]) -> list[bytes]:
    """Known folders, `folder` or below it, that a sweep did not come by."""
    # "0" follows "/" in ASCII: the half-open interval holds exactly what begins with folder + "/".
    rows = connection.execute(
        "SELECT path FROM folder WHERE root = ? AND (path = ? OR (path >= ? AND path < ?))",
        (root, folder, folder.rstrip(b"/") + b"/", folder.rstrip(b"/") + b"0"),
    )
    return [path for (path,) in rows if not is_passed(path)]


def unsettled(connection: Connection, root: bytes) -> frozenset[bytes]:
    """Folders of the root with files that are due whatever the disk says: they have findings, or a scrub of them goes on."""
    # CROSS JOIN keeps the order: from the few that are due to their paths, never through all paths.
    rows = connection.execute(
        "SELECT folder FROM finding CROSS JOIN path ON path.id = path_id WHERE root = ?1"
        " UNION SELECT folder FROM scrub CROSS JOIN path ON path.content_id = scrub.content_id WHERE root = ?1",
        (root,),
    )
    return frozenset(row[0] for row in rows)


def _record(seen: bytes, ground: bytes, unclaimed: int, ignored: bytes | None) -> FolderRecord:
    names = () if ignored is None else msgspec.json.decode(ignored, type=tuple[bytes, ...])
    return FolderRecord(seen, ground, unclaimed, names)
