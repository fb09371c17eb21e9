"""Contents in more than one place: what is known of a file beside another one, and where a content is expected."""

from __future__ import annotations

from msgspec import Struct

from wan_healthd.domain.catalogue import CHECKSUM_MISMATCH, FILE_MISSING
from wan_healthd.domain.files import Role, VerifiedBy
from wan_healthd.store.connection import Connection


class Weights(Struct, frozen=True):
    """A weight file that is there and was read whole.

    `is_vouched`: an authority, or a person, says that this is its content. `is_accused`: its content is known to be wrong.
    """

    path: bytes
    sha256: str
    is_vouched: bool
    is_accused: bool


_OURS = (VerifiedBy.BASELINE.value, VerifiedBy.ZIP_CRC.value, VerifiedBy.NONE.value)
"""What we, or a file itself, say of it, but nobody else."""

_QUERY = (
    "SELECT path.path, content.sha256, coalesce(recorded_by IS NOT NULL OR source NOT IN (?, ?, ?), 0)"
    " AND expectation.sha256 = content.sha256,"
    " EXISTS (SELECT 1 FROM finding WHERE finding.path_id = path.id AND code = ?)"
    " FROM path JOIN content ON content.id = path.content_id LEFT JOIN expectation ON expectation.path_id = path.id"
    " WHERE content.sha256 IS NOT NULL AND role = ?"
    " AND NOT EXISTS (SELECT 1 FROM finding WHERE finding.path_id = path.id AND code = ?)"
)
_FACTS = (*_OURS, CHECKSUM_MISMATCH.code, Role.WEIGHTS.value, FILE_MISSING.code)


def of_model(connection: Connection, model_id: str) -> tuple[Weights, ...]:
    """The weight files of a model."""
    rows = connection.execute(
        f"{_QUERY} AND path.id IN (SELECT path_id FROM membership WHERE model_id = ?) ORDER BY path.path", (*_FACTS, model_id)
    )
    return tuple(_weights(*row) for row in rows)


def at(connection: Connection, path: bytes) -> Weights | None:
    """The weight file at `path`."""
    row = connection.execute(f"{_QUERY} AND path.path = ?", (*_FACTS, path)).fetchone()
    return None if row is None else _weights(*row)


def home_of(connection: Connection, sha256: str, path_id: int, partner: bytes | None) -> bytes | None:
    """Another path of the same model, or `partner`, at which exactly this content is expected; the partner first."""
    row = connection.execute(
        "SELECT path.path FROM expectation JOIN path ON path.id = path_id WHERE expectation.sha256 = ?1 AND path.id != ?2"
        " AND (path.path = ?3 OR path.id IN (SELECT other.path_id FROM membership JOIN membership AS other USING (model_id)"
        " WHERE membership.path_id = ?2)) ORDER BY path.path = ?3 DESC, path.path LIMIT 1",
        (sha256, path_id, partner),
    ).fetchone()
    return None if row is None else row[0]


def _weights(path: bytes, sha256: str, is_vouched: int | None, is_accused: int) -> Weights:
    return Weights(path, sha256, bool(is_vouched), bool(is_accused))
