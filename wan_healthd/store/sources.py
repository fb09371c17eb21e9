"""Files that say what others should be, as they were when all of whom they speak had last heard them."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from wan_healthd.store.connection import Connection


class Source(Struct, frozen=True):
    """A source: by its own name, or as the manifest that the configuration states for the model at the path `model`."""

    path: bytes
    model: bytes = b""


class Heard(Struct, frozen=True):
    """A source, and what it looked like; None: it is gone."""

    source: Source
    seen: bytes | None


def in_folder(connection: Connection, root: bytes, folder: bytes) -> dict[Source, bytes]:
    """What each source directly in the folder looked like, of those that are sources by name."""
    rows = connection.execute("SELECT path, seen FROM source WHERE root = ? AND folder = ? AND model = X''", (root, folder))
    return {Source(path): seen for path, seen in rows}


def stated(connection: Connection, root: bytes) -> dict[Source, bytes]:
    """The same of manifests that the configuration states, or did, for models below the root."""
    rows = connection.execute("SELECT path, model, seen FROM source WHERE root = ? AND model != X''", (root,))
    return {Source(path, model): seen for path, model, seen in rows}


def folders(connection: Connection, root: bytes) -> frozenset[bytes]:
    """Folders of the root in which there are sources by name."""
    rows = connection.execute("SELECT DISTINCT folder FROM source WHERE root = ? AND model = X''", (root,))
    return frozenset(row[0] for row in rows)


def keep(connection: Connection, root: bytes, heard: Iterable[Heard]) -> None:
    """All that they speak of below the root has heard them."""
    for item in heard:
        path, model = item.source.path, item.source.model
        if item.seen is None:
            connection.execute("DELETE FROM source WHERE root = ? AND path = ? AND model = ?", (root, path, model))
        else:
            folder = path.rpartition(b"/")[0] or b"/"
            connection.execute("INSERT OR REPLACE INTO source VALUES (?, ?, ?, ?, ?)", (root, path, model, folder, item.seen))
