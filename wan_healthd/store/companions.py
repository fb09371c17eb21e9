"""What stands beside a model: the folders where its companions would be, and what the files there are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from wan_healthd.domain.catalogue import FILE_MISSING
from wan_healthd.domain.evidence import ModelKind
from wan_healthd.domain.files import Role
from wan_healthd.domain.models import Layout
from wan_healthd.domain.paths import overlap
from wan_healthd.store import roots
from wan_healthd.store.connection import Connection

_IS_GONE = "EXISTS (SELECT 1 FROM finding WHERE finding.path_id = path.id AND finding.code = ?)"
_IS_WATCHED = (
    "EXISTS (SELECT 1 FROM membership JOIN model ON model.id = model_id WHERE membership.path_id = path.id AND watched)"
)


class Folder(Struct, frozen=True):
    """A folder of companions; `is_whole`: everything in it was in sight, and nothing was still arriving."""

    path: bytes
    is_whole: bool


def is_news(connection: Connection, root: bytes, folder: bytes, found: Mapping[bytes, bool]) -> bool:
    """Whether `walked` would tell anything new."""
    is_first = (
        folder == root and connection.execute("SELECT 1 FROM watched_root WHERE root = ? AND NOT is_walked", (root,)).fetchone()
    )
    return bool(is_first) or _known_below(connection, root, folder) != dict(found)


def walked(connection: Connection, root: bytes, folder: bytes, found: Mapping[bytes, bool]) -> None:
    """A walk of `folder` came by these folders of companions (by path, with `is_whole`) and no others."""
    gone = _known_below(connection, root, folder).keys() - found.keys()
    connection.executemany("DELETE FROM companion_folder WHERE path = ?", [(path,) for path in gone])
    connection.executemany(
        "INSERT OR REPLACE INTO companion_folder VALUES (?, ?, ?, ?)",
        [(path, path.rpartition(b"/")[0], root, int(is_whole)) for path, is_whole in found.items()],
    )
    if folder == root:
        connection.execute("UPDATE watched_root SET is_walked = 1 WHERE root = ?", (root,))


def _known_below(connection: Connection, root: bytes, folder: bytes) -> dict[bytes, bool]:
    rows = connection.execute(
        "SELECT path, is_whole FROM companion_folder WHERE root = ? AND ((path >= ? AND path < ?) OR path = ?)",
        (root, folder.rstrip(b"/") + b"/", folder.rstrip(b"/") + b"0", folder),  # "0" follows "/" in ASCII
    )
    return {path: bool(is_whole) for path, is_whole in rows}


def folders(connection: Connection, tree: bytes) -> tuple[Folder, ...]:
    """The folders of companions directly in `tree`."""
    rows = connection.execute("SELECT path, is_whole FROM companion_folder WHERE tree = ? ORDER BY path", (tree,))
    return tuple(Folder(path, bool(is_whole)) for path, is_whole in rows)


def weights_below(connection: Connection, folder: bytes) -> tuple[tuple[bytes, ModelKind | None], ...]:
    """The weight files that are in the folder or below it, each with what it is known to be."""
    rows = connection.execute(
        "SELECT path.path, kind FROM path LEFT JOIN content ON content.id = content_id"
        f" WHERE path.path >= ? AND path.path < ? AND role = ? AND NOT {_IS_GONE} ORDER BY path.path",
        (folder + b"/", folder + b"0", Role.WEIGHTS.value, FILE_MISSING.code),
    )
    return tuple((path, None if kind is None else ModelKind(kind)) for path, kind in rows)


def kinds_anywhere(connection: Connection, kinds: Iterable[ModelKind]) -> frozenset[ModelKind]:
    """Those of the kinds of which a file of any watched model is."""
    query = (
        "SELECT 1 FROM content JOIN path ON path.content_id = content.id"
        f" WHERE kind = ? AND NOT {_IS_GONE} AND {_IS_WATCHED} LIMIT 1"
    )
    return frozenset(k for k in kinds if connection.execute(query, (k.value, FILE_MISSING.code)).fetchone() is not None)


def is_all_seen(connection: Connection) -> bool:
    """Whether every watched root was walked, none is out of reach, and every weight file was judged at least once."""
    unseen = connection.execute(
        "SELECT EXISTS (SELECT 1 FROM watched_root WHERE NOT is_walked)"
        f" OR EXISTS (SELECT 1 FROM path WHERE judged_at IS NULL AND role = 'weights' AND {_IS_WATCHED})"
    ).fetchone()[0]
    watched = [row[0] for row in connection.execute("SELECT root FROM watched_root")]
    return not unseen and not any(overlap(place, root) for place in roots.lost(connection) for root in watched)


def kind_at(connection: Connection, path: bytes) -> ModelKind | None:
    """What the file at `path` is, if that is known and it is not missing."""
    row = connection.execute(
        f"SELECT kind FROM path JOIN content ON content.id = content_id WHERE path.path = ? AND NOT {_IS_GONE}",
        (path, FILE_MISSING.code),
    ).fetchone()
    return None if row is None or row[0] is None else ModelKind(row[0])


def comfyui_models(connection: Connection, kinds: Iterable[ModelKind]) -> tuple[str, ...]:
    """ComfyUI's models (one file each) that are of these kinds."""
    wanted = [kind.value for kind in kinds]
    rows = connection.execute(
        "SELECT DISTINCT model.id FROM model JOIN path ON path.path = model.path JOIN content ON content.id = content_id"
        f" WHERE layout = ? AND watched AND kind IN ({', '.join('?' * len(wanted))}) ORDER BY model.id",
        (Layout.COMFYUI.value, *wanted),
    )
    return tuple(row[0] for row in rows)


def is_in_a_folder(connection: Connection, above: Sequence[bytes]) -> bool:
    """Whether one of these folders is one of companions."""
    query = "SELECT 1 FROM companion_folder WHERE path = ?"
    return any(connection.execute(query, (path,)).fetchone() is not None for path in above)
