"""What the files of a model amount to, added up by SQLite."""

from __future__ import annotations

import hashlib
from datetime import datetime

from msgspec import Struct

from wan_healthd.domain.catalogue import FILE_MISSING
from wan_healthd.domain.digests import Assurance
from wan_healthd.domain.files import Role
from wan_healthd.domain.findings import Cause, Finding
from wan_healthd.store import paths
from wan_healthd.store.connection import Connection
from wan_healthd.store.times import from_micros


class ModelTotals(Struct, frozen=True):
    """Sums over a model's files; see `ModelEvidence` and `IntegrityResult` for the meaning of each."""

    files: int
    files_missing: int
    weights: int
    weights_missing: int
    files_unread: int
    size_bytes: int
    checksum: str | None
    oldest_read_at: datetime | None
    findings: tuple[Finding, ...]


def of_model(connection: Connection, model_id: str) -> ModelTotals:
    """Add up one model."""
    counts = connection.execute(
        "SELECT count(*), total(missing), total(role = ?), total(role = ? AND missing), total(judged_at IS NULL),"
        " total(CASE WHEN missing THEN 0 ELSE coalesce(size_bytes, 0) END)"
        " FROM (SELECT role, judged_at, content.size_bytes AS size_bytes, EXISTS"
        " (SELECT 1 FROM finding WHERE finding.path_id = path.id AND code = ?) AS missing"
        " FROM membership JOIN path ON path.id = path_id LEFT JOIN content ON content.id = path.content_id WHERE model_id = ?)",
        (Role.WEIGHTS.value, Role.WEIGHTS.value, FILE_MISSING.code, model_id),
    ).fetchone()
    files, missing, weights, weights_missing, unread, size = (int(number) for number in counts)
    findings = _findings(connection, model_id)
    return ModelTotals(
        files=files,
        files_missing=missing,
        weights=weights,
        weights_missing=weights_missing,
        files_unread=unread,
        size_bytes=size,
        checksum=None if any(_belies_record(finding) for finding in findings) else _checksum(connection, model_id),
        oldest_read_at=_oldest_read(connection, model_id),
        findings=findings,
    )


def _belies_record(finding: Finding) -> bool:
    """Whether the bytes on record are not those that are there: gone, rotten, or out of reach of the disk."""
    return finding.code == FILE_MISSING.code or finding.cause in (Cause.DISK, Cause.UNREADABLE)


def _findings(connection: Connection, model_id: str) -> tuple[Finding, ...]:
    rows = connection.execute(
        "SELECT body, first_seen FROM membership JOIN finding USING (path_id) WHERE model_id = ?"
        " ORDER BY first_seen, path_id, code",
        (model_id,),
    )
    return tuple(paths.decode_finding(body, first_seen) for body, first_seen in rows)


def _checksum(connection: Connection, model_id: str) -> str | None:
    """SHA-256 over the content digests in the order of the paths: names do not count, a swap of two files does."""
    total = hashlib.sha256()
    rows = connection.execute(
        "SELECT sha256 FROM membership JOIN path ON path.id = path_id LEFT JOIN content ON content.id = path.content_id"
        " WHERE model_id = ? ORDER BY path.path",
        (model_id,),
    ).fetchall()
    for (sha256,) in rows:
        if sha256 is None:
            return None
        total.update(bytes.fromhex(sha256))
    return total.hexdigest() if rows else None


def _oldest_read(connection: Connection, model_id: str) -> datetime | None:
    """When the stalest byte was verified from disk; None if one never was."""
    row = connection.execute(
        "SELECT min(oldest), total(oldest IS NULL) FROM (SELECT"
        " min(CASE WHEN sha256 IS NOT NULL AND assurance = ? THEN verified_at ELSE 0 END) AS oldest, size_bytes"
        " FROM membership JOIN path ON path.id = path_id LEFT JOIN content ON content.id = path.content_id"
        " LEFT JOIN extent ON extent.content_id = path.content_id WHERE model_id = ? GROUP BY path.id)"
        " WHERE coalesce(size_bytes, 1) > 0",
        (Assurance.DISK.value, model_id),
    ).fetchone()
    oldest, unread = row
    return None if unread or not oldest else from_micros(oldest)
