"""Rows that tests of the store need again and again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from wan_healthd.domain.digests import BLOCK_BYTES, BLOCK_DIGEST_BYTES, Assurance, block_count
from wan_healthd.domain.files import Role
from wan_healthd.domain.identity import FileIdentity
from wan_healthd.domain.models import Layout, Model
from wan_healthd.domain.ports import BlockRun
from wan_healthd.store import contents, models, paths
from wan_healthd.store.connection import Connection
from wan_healthd.store.records import ContentRecord

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
ROOT = b"/srv/models"
MODEL = Model("flux", Layout.FOLDER, ROOT + b"/flux", ROOT)


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def identity(inode: int = 7, size_bytes: int = 3 * BLOCK_BYTES + 5, mtime_ns: int = 1, ctime_ns: int = 2) -> FileIdentity:
    return FileIdentity("uuid-1", inode, size_bytes, mtime_ns, ctime_ns)


def digests(count: int, seed: int = 1) -> bytes:
    return b"".join(bytes([seed, block]) + bytes(BLOCK_DIGEST_BYTES - 2) for block in range(count))


def add_whole(
    connection: Connection,
    stated: FileIdentity,
    *,
    at: datetime = NOW,
    sha256: str = "ab" * 32,
    assurance: Assurance = Assurance.DISK,
) -> ContentRecord:
    """A content that was read whole."""
    content = contents.ensure(connection, stated)
    count = block_count(stated.size_bytes)
    if count:
        contents.add_run(connection, content.id, BlockRun(0, digests(count), assurance), at)
    contents.complete(connection, content.id, sha256=sha256, format_name=None, packed_header=None)
    found = contents.get(connection, content.id)
    assert found is not None
    return found


def add_path(connection: Connection, name: bytes, content: ContentRecord | None = None, role: Role = Role.WEIGHTS) -> int:
    """A file of MODEL, judged with `content` if there is one."""
    models.put(connection, MODEL, NOW)
    path_id = paths.ensure(connection, MODEL.path + b"/" + name, ROOT, role)
    models.join(connection, MODEL.id, path_id)
    if content is not None:
        paths.judged(connection, path_id, content_id=content.id, mode=None, at=NOW)
    return path_id
