"""Paths: where files are or were, what was last judged there, and what should be there."""

from __future__ import annotations

from collections.abc import Iterable, Set
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from wan_healthd.domain.evidence import Expectation
from wan_healthd.domain.files import Role, VerifiedBy
from wan_healthd.domain.findings import Finding
from wan_healthd.domain.identity import FileIdentity, FileMode
from wan_healthd.store import contents
from wan_healthd.store.connection import Connection
from wan_healthd.store.records import ContentRecord, ExpectationRecord, PathRecord, PathState
from wan_healthd.store.times import from_micros, optional_time, to_micros

COLUMNS = "id, path, root, role, content_id, judged_at, mode, uid, gid, essential"


def ensure(connection: Connection, path: bytes, root: bytes, role: Role) -> int:
    """The path's number, made if it is new; root and role are brought up to date."""
    row = connection.execute(
        "INSERT INTO path (path, folder, root, role) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (path) DO UPDATE SET root = excluded.root, role = excluded.role RETURNING id",
        (path, path.rpartition(b"/")[0] or b"/", root, role.value),
    ).fetchone()
    return int(row[0])


def get(connection: Connection, path: bytes) -> PathRecord | None:
    """The path's row, if it is known."""
    row = connection.execute(f"SELECT {COLUMNS} FROM path WHERE path = ?", (path,)).fetchone()
    return None if row is None else _record(row)


def state(connection: Connection, path: bytes) -> PathState | None:
    """Everything known of the path, if it is known."""
    record = get(connection, path)
    if record is None:
        return None
    return PathState(
        record,
        None if record.content_id is None else contents.get(connection, record.content_id),
        expected(connection, record.id),
        findings(connection, record.id),
    )


class Glance(Struct, frozen=True):
    """What a sweep must know of a path: the identity that was judged there (None: never), whether findings are open.

    `is_half_read`: a scrub of it was interrupted, or what it found could not be written down. `is_essential`: see PathRecord.
    """

    models: tuple[str, ...]
    identity: FileIdentity | None
    is_judged: bool
    has_findings: bool
    is_half_read: bool
    is_essential: bool = False


def in_folder(connection: Connection, root: bytes, folder: bytes) -> dict[bytes, Glance]:
    """Known paths directly in the folder."""
    rows = connection.execute(
        f"SELECT path.path, judged_at IS NOT NULL, EXISTS (SELECT 1 FROM finding WHERE path_id = path.id),"
        " EXISTS (SELECT 1 FROM scrub WHERE scrub.content_id = path.content_id), essential,"
        f" (SELECT json_group_array(model_id) FROM membership WHERE path_id = path.id), {contents.COLUMNS}"
        " FROM path INDEXED BY path_folder LEFT JOIN content ON content.id = path.content_id WHERE root = ? AND folder = ?",
        (root, folder),
    )
    return {row[0]: _glance(row) for row in rows}


def folders(connection: Connection, root: bytes, folder: bytes, *, but_for: Set[bytes] = frozenset()) -> frozenset[bytes]:
    """Folders of the root, `folder` or below it, in which paths are known, without those in `but_for`."""
    # "0" follows "/" in ASCII: the half-open interval holds exactly what begins with folder + "/". One search for each folder,
    # instead of a look at each path.
    rows = connection.execute(
        "WITH RECURSIVE step (folder) AS"
        " (SELECT min(folder) FROM path WHERE root = ?1 AND folder >= ?3 AND folder < ?4"
        " UNION ALL SELECT (SELECT min(folder) FROM path WHERE root = ?1 AND folder > step.folder AND folder < ?4)"
        " FROM step WHERE step.folder IS NOT NULL)"
        " SELECT folder FROM step WHERE folder IS NOT NULL"
        " UNION ALL SELECT ?2 WHERE EXISTS (SELECT 1 FROM path WHERE root = ?1 AND folder = ?2)",
        (root, folder, folder.rstrip(b"/") + b"/", folder.rstrip(b"/") + b"0"),
    )
    return frozenset(known for (known,) in rows if known not in but_for)


def filesystems(connection: Connection, root: bytes, folder: bytes) -> frozenset[str]:
    """Names of the file systems on which the known files at and below the folder were last seen."""
    rows = connection.execute(
        "SELECT DISTINCT filesystem FROM path JOIN content ON content.id = path.content_id"
        " WHERE root = ? AND (folder = ? OR (folder >= ? AND folder < ?))",
        (root, folder, folder.rstrip(b"/") + b"/", folder.rstrip(b"/") + b"0"),
    )
    return frozenset(row[0] for row in rows)


def need(connection: Connection, needed: Iterable[bytes], *, is_essential: bool = True) -> None:
    """These paths' models need them, or need them no longer: what is needed is missed even if it was never there."""
    connection.executemany("UPDATE path SET essential = ? WHERE path = ?", [(int(is_essential), path) for path in needed])


def essentials(connection: Connection, needed: Iterable[bytes]) -> dict[bytes, tuple[str, ...]]:
    """Of these paths, those that are known as essential, each with the models that it belongs to."""
    query = "SELECT model_id FROM path JOIN membership ON path_id = path.id WHERE path = ? AND essential ORDER BY model_id"
    found = {path: tuple(row[0] for row in connection.execute(query, (path,))) for path in needed}
    return {path: ids for path, ids in found.items() if ids}


def dispense(connection: Connection, path: bytes) -> None:
    """Somebody accepted that this path is absent, even if its model needs it."""
    connection.execute("INSERT OR IGNORE INTO dispensed VALUES (?)", (path,))


def not_dispensed(connection: Connection, needed: Iterable[bytes]) -> frozenset[bytes]:
    """Those of the paths whose absence nobody accepted."""
    accepted = "SELECT 1 FROM dispensed WHERE path = ?"
    return frozenset(path for path in needed if connection.execute(accepted, (path,)).fetchone() is None)


def begin_reading(connection: Connection, path_id: int, content_id: int) -> None:
    """The content is being read at the path: until another one is, it is not dropped."""
    connection.execute("UPDATE path SET reading_id = ? WHERE id = ?", (content_id, path_id))


def exists(connection: Connection, path_id: int) -> bool:
    """Whether the path was not forgotten meanwhile."""
    return connection.execute("SELECT 1 FROM path WHERE id = ?", (path_id,)).fetchone() is not None


def judged(connection: Connection, path_id: int, *, content_id: int | None, mode: FileMode | None, at: datetime) -> None:
    """The path was judged with this content; `mode` None keeps the recorded one."""
    connection.execute("UPDATE path SET content_id = ?, judged_at = ? WHERE id = ?", (content_id, to_micros(at), path_id))
    if mode is not None:
        connection.execute("UPDATE path SET mode = ?, uid = ?, gid = ? WHERE id = ?", (mode.mode, mode.uid, mode.gid, path_id))


def forget(connection: Connection, path_id: int) -> None:
    """Forget the path with all that was expected of it."""
    connection.execute("DELETE FROM path WHERE id = ?", (path_id,))


def expected(connection: Connection, path_id: int) -> ExpectationRecord | None:
    """What should be at the path."""
    row = connection.execute(
        "SELECT source, size_bytes, sha256, content_id, recorded_by FROM expectation WHERE path_id = ?", (path_id,)
    ).fetchone()
    if row is None:
        return None
    source, size_bytes, sha256, content_id, recorded_by = row
    content = None if content_id is None else contents.get(connection, content_id)
    identity = None if content is None else content.identity
    return ExpectationRecord(Expectation(VerifiedBy(source), size_bytes, sha256, identity), content_id, recorded_by is not None)


def expect_content(
    connection: Connection,
    path_id: int,
    content: ContentRecord,
    *,
    at: datetime,
    source: VerifiedBy = VerifiedBy.BASELINE,
    by_uid: int | None = None,
    reason: str | None = None,
) -> None:
    """From now on this content is expected at the path, by the word of `source`.

    `by_uid` and `reason` say who accepted it; None for ourselves.
    """
    connection.execute(
        "INSERT OR REPLACE INTO expectation VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            path_id,
            source.value,
            content.identity.size_bytes,
            content.sha256,
            content.id,
            to_micros(at),
            by_uid,
            reason,
        ),
    )


def expect_nothing(connection: Connection, path_id: int) -> None:
    """Forget what was expected of the path: its next whole read makes a new baseline."""
    connection.execute("DELETE FROM expectation WHERE path_id = ?", (path_id,))


def findings(connection: Connection, path_id: int) -> tuple[Finding, ...]:
    """Open findings of the path."""
    rows = connection.execute("SELECT body, first_seen FROM finding WHERE path_id = ? ORDER BY first_seen, code", (path_id,))
    return tuple(decode_finding(body, first_seen) for body, first_seen in rows)


def replace_findings(connection: Connection, path_id: int, found: Iterable[Finding], now: datetime) -> None:
    """These are the path's open findings; what was open before keeps its `first_seen`."""
    since = dict(connection.execute("SELECT code, first_seen FROM finding WHERE path_id = ?", (path_id,)).fetchall())
    connection.execute("DELETE FROM finding WHERE path_id = ?", (path_id,))
    connection.executemany(
        "INSERT OR IGNORE INTO finding VALUES (?, ?, ?, ?)",
        [(path_id, item.code, msgspec.json.encode(item), since.get(item.code, to_micros(now))) for item in found],
    )


def decode_finding(body: bytes, first_seen: int) -> Finding:
    """A stored finding with the time since when it is open."""
    return msgspec.structs.replace(msgspec.json.decode(body, type=Finding), first_seen=from_micros(first_seen))


def _glance(row: tuple[Any, ...]) -> Glance:
    _, is_judged, has_findings, is_half_read, is_essential, models, *content = row
    identity = None if content[0] is None else contents.record_of(tuple(content)).identity
    ids = msgspec.json.decode(models, type=tuple[str, ...])
    return Glance(ids, identity, bool(is_judged), bool(has_findings), bool(is_half_read), bool(is_essential))


def _record(row: tuple[Any, ...]) -> PathRecord:
    number, path, root, role, content_id, judged_at, mode, uid, gid, essential = row
    recorded = None if mode is None else FileMode(mode, uid, gid)
    return PathRecord(number, path, root, Role(role), content_id, optional_time(judged_at), recorded, bool(essential))
