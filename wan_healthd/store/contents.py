"""Contents: identity, block map, extents, and scrubs under way."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec

from wan_healthd.domain.coverage import Extent, cover
from wan_healthd.domain.digests import Assurance, BlockMap
from wan_healthd.domain.evidence import ModelKind, Section
from wan_healthd.domain.identity import FileIdentity
from wan_healthd.domain.ports import BlockRun
from wan_healthd.store.connection import Connection
from wan_healthd.store.records import UNWRITTEN, ContentRecord, FirstRead
from wan_healthd.store.times import from_micros, signed, to_micros, unsigned

COLUMNS = (
    "content.id, filesystem, inode, content.size_bytes, mtime_ns, ctime_ns, content.sha256, all_zero, format,"
    " packed_header, bad_sections, git_sha1"
)


def record_of(row: tuple[Any, ...]) -> ContentRecord:
    """The row of COLUMNS as a record."""
    number, filesystem, inode, size, mtime, ctime, sha256, all_zero, name, header, bad, git_sha1 = row
    identity = FileIdentity(filesystem, unsigned(inode), size, int(mtime), int(ctime))
    bad_sections = None if bad is None else msgspec.json.decode(bad, type=tuple[Section, ...])
    return ContentRecord(number, identity, sha256, bool(all_zero), name, header, bad_sections, git_sha1)


def _key(identity: FileIdentity) -> tuple[str, int, int, str, str]:
    return (
        identity.filesystem,
        signed(identity.inode),
        identity.size_bytes,
        str(identity.mtime_ns),
        str(identity.ctime_ns),
    )


def find(connection: Connection, identity: FileIdentity) -> ContentRecord | None:
    """The content with this identity, if it is known."""
    row = connection.execute(
        f"SELECT {COLUMNS} FROM content"
        " WHERE filesystem = ? AND inode = ? AND size_bytes = ? AND mtime_ns = ? AND ctime_ns = ? AND NOT retired",
        _key(identity),
    ).fetchone()
    return None if row is None else record_of(row)


def get(connection: Connection, content_id: int) -> ContentRecord | None:
    """The content with this number."""
    row = connection.execute(f"SELECT {COLUMNS} FROM content WHERE id = ?", (content_id,)).fetchone()
    return None if row is None else record_of(row)


def ensure(connection: Connection, identity: FileIdentity) -> ContentRecord:
    """The content with this identity, made if it is new."""
    connection.execute(
        "INSERT OR IGNORE INTO content (filesystem, inode, size_bytes, mtime_ns, ctime_ns) VALUES (?, ?, ?, ?, ?)",
        _key(identity),
    )
    found = find(connection, identity)
    if found is None:
        raise LookupError("a content that was just inserted is there")
    return found


def unwritten(identity: FileIdentity) -> ContentRecord:
    """A content of which the store knows nothing yet."""
    return ContentRecord(UNWRITTEN, identity, None, False, None, None, None, None)


def restart(connection: Connection, content_id: int) -> None:
    """Forget what an interrupted first read left: SHA-256 has no half-way state."""
    connection.execute("DELETE FROM block_run WHERE content_id = ?", (content_id,))
    connection.execute("DELETE FROM extent WHERE content_id = ?", (content_id,))


def reset(connection: Connection, content_id: int) -> None:
    """What is on record is not what the file holds: the next read is a first one. Whoever expects the old bytes keeps them."""
    connection.execute("UPDATE content SET retired = 1 WHERE id = ?", (content_id,))
    end_scrub(connection, content_id)


def add_run(connection: Connection, content_id: int, run: BlockRun, at: datetime) -> None:
    """Keep the digests of a run, as first read at `at`.

    Runs come in the order of the file; one that was begun anew from its start may have been cut elsewhere the first time.
    """
    connection.execute(
        "DELETE FROM block_run WHERE content_id = ? AND first_block > ? AND first_block < ?",
        (content_id, run.first_block, run.end_block),
    )
    connection.execute("INSERT OR REPLACE INTO block_run VALUES (?, ?, ?)", (content_id, run.first_block, run.digests))
    mark(connection, content_id, Extent(run.first_block, run.end_block, at, run.assurance))


def complete(
    connection: Connection,
    content_id: int,
    *,
    sha256: str,
    format_name: str | None,
    packed_header: bytes | None,
    all_zero: bool = False,
    bad_sections: tuple[Section, ...] | None = None,
    git_sha1: str | None = None,
) -> None:
    """The content was read whole; `bad_sections` None: it has no CRCs of its own."""
    bad = None if bad_sections is None else msgspec.json.encode(bad_sections)
    connection.execute(
        "UPDATE content SET sha256 = ?, all_zero = ?, format = ?, packed_header = ?, bad_sections = ?,"
        " git_sha1 = ? WHERE id = ?",
        (sha256, int(all_zero), format_name, packed_header, bad, git_sha1, content_id),
    )


def complete_with(connection: Connection, content_id: int, first: FirstRead) -> None:
    """As `complete`, by all that the first read gave."""
    for run in first.runs:
        add_run(connection, content_id, run, first.at)
    complete(
        connection,
        content_id,
        sha256=first.sha256,
        format_name=first.format,
        packed_header=first.packed_header,
        all_zero=first.all_zero,
        bad_sections=first.bad_sections,
        git_sha1=first.git_sha1,
    )


def keep(connection: Connection, identity: FileIdentity, first: FirstRead) -> ContentRecord:
    """Put a content on record with all that its first read gave; one that is whole already stays as it is."""
    content = ensure(connection, identity)
    if content.is_whole:
        return content
    restart(connection, content.id)
    complete_with(connection, content.id, first)
    return msgspec.structs.replace(content, sha256=first.sha256)


def identify(connection: Connection, content_id: int, kind: ModelKind | None) -> None:
    """What the content's tensors say that it is."""
    connection.execute("UPDATE content SET kind = ? WHERE id = ?", (None if kind is None else kind.value, content_id))


def block_map(connection: Connection, content_id: int, size_bytes: int) -> BlockMap:
    """The block map of a whole content."""
    rows = connection.execute("SELECT digests FROM block_run WHERE content_id = ? ORDER BY first_block", (content_id,))
    return BlockMap(size_bytes, b"".join(row[0] for row in rows))


def packed_header(connection: Connection, content_id: int) -> bytes | None:
    """The header that was kept with a content."""
    row = connection.execute("SELECT packed_header FROM content WHERE id = ?", (content_id,)).fetchone()
    return None if row is None else row[0]


def extents(connection: Connection, content_id: int) -> tuple[Extent, ...]:
    """When each block was verified, ascending."""
    rows = connection.execute(
        "SELECT first_block, end_block, verified_at, assurance FROM extent WHERE content_id = ? ORDER BY first_block",
        (content_id,),
    )
    return tuple(Extent(first, end, from_micros(at), Assurance(how)) for first, end, at, how in rows)


def mark(connection: Connection, content_id: int, new: Extent) -> None:
    """Blocks were verified: lay the extent over what was known."""
    touched = connection.execute(
        "SELECT first_block, end_block, verified_at, assurance FROM extent"
        " WHERE content_id = ? AND first_block < ? AND end_block > ?",
        (content_id, new.end_block, new.first_block),
    ).fetchall()
    old = [Extent(first, end, from_micros(at), Assurance(how)) for first, end, at, how in touched]
    connection.executemany(
        "DELETE FROM extent WHERE content_id = ? AND first_block = ?", [(content_id, item.first_block) for item in old]
    )
    connection.executemany(
        "INSERT INTO extent VALUES (?, ?, ?, ?, ?)",
        [
            (content_id, item.first_block, item.end_block, to_micros(item.verified_at), item.assurance.value)
            for item in cover(old, new)
        ],
    )


def mark_all(connection: Connection, content_id: int, extents: Iterable[Extent]) -> None:
    """As `mark`, several."""
    for extent in extents:
        mark(connection, content_id, extent)


def scrub_start(connection: Connection, content_id: int, now: datetime, since: datetime | None = None) -> datetime:
    """When the scrub of this content begins: at `since` or `now`, unless one that began later was interrupted.

    Without `since`, an interrupted one goes on whenever it began.
    """
    row = connection.execute("SELECT started_at FROM scrub WHERE content_id = ?", (content_id,)).fetchone()
    if row is None:
        return since or now
    begun = from_micros(row[0])
    return begun if since is None else max(begun, since)


def begin_scrub(connection: Connection, content_id: int, start: datetime) -> None:
    """A scrub that began at `start` is under way, until `end_scrub`; one that is interrupted is gone on with."""
    connection.execute("INSERT OR REPLACE INTO scrub VALUES (?, ?)", (content_id, to_micros(start)))


def end_scrub(connection: Connection, content_id: int) -> None:
    """The scrub read everything it had to."""
    connection.execute("DELETE FROM scrub WHERE content_id = ?", (content_id,))


def forget_unused(connection: Connection) -> None:
    """Drop contents that were judged nowhere last, are expected nowhere, and are not being read."""
    connection.execute(
        "DELETE FROM content WHERE NOT EXISTS (SELECT 1 FROM path WHERE content_id = content.id)"
        " AND NOT EXISTS (SELECT 1 FROM path WHERE reading_id = content.id)"
        " AND NOT EXISTS (SELECT 1 FROM expectation WHERE content_id = content.id)"
    )
