"""What the hub said of the models' sources, and what it could not say."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from msgspec import Struct

from wan_healthd.domain.evidence import HubSilence
from wan_healthd.store.connection import Connection
from wan_healthd.store.times import to_micros


class TreeRecord(Struct, frozen=True):
    """The list of a repository's files at the commit that a source was resolved to, as `provenance.hub` writes it.

    `source` is as the configuration states it.
    """

    model_id: str
    source: str
    repo: str
    commit: str
    body: bytes


def pin(connection: Connection, record: TreeRecord, now: datetime) -> None:
    """Keep the tree; it is what the model is held against until its source is stated differently."""
    connection.execute(
        "INSERT OR REPLACE INTO hub_tree (model_id, source, repo, commit_id, body, fetched_at) VALUES (?, ?, ?, ?, ?, ?)",
        (record.model_id, record.source, record.repo, record.commit, record.body, to_micros(now)),
    )


def pins(connection: Connection) -> tuple[TreeRecord, ...]:
    """All trees that are kept."""
    rows = connection.execute("SELECT model_id, source, repo, commit_id, body FROM hub_tree ORDER BY model_id")
    return tuple(TreeRecord(*row) for row in rows)


def heard(connection: Connection, model_id: str) -> None:
    """All files of the model were judged by its tree."""
    connection.execute("UPDATE hub_tree SET heard = 1 WHERE model_id = ?", (model_id,))


def unheard(connection: Connection) -> tuple[str, ...]:
    """Ids of the models of which that is not so."""
    return tuple(row[0] for row in connection.execute("SELECT model_id FROM hub_tree WHERE NOT heard ORDER BY model_id"))


def unpin(connection: Connection, model_ids: Iterable[str]) -> None:
    """Forget these models' trees."""
    connection.executemany("DELETE FROM hub_tree WHERE model_id = ?", [(model_id,) for model_id in model_ids])


def fell_silent(connection: Connection, model_id: str, silence: HubSilence) -> None:
    """The last lookup of the model's source failed."""
    connection.execute("INSERT OR REPLACE INTO hub_silence VALUES (?, ?, ?)", (model_id, silence.what, silence.cure))


def spoke(connection: Connection, model_id: str) -> None:
    """The last lookup of the model's source worked, or none is wanted any more."""
    connection.execute("DELETE FROM hub_silence WHERE model_id = ?", (model_id,))


def silence(connection: Connection, model_id: str) -> HubSilence | None:
    """Why the last lookup of the model's source failed."""
    row = connection.execute("SELECT what, cure FROM hub_silence WHERE model_id = ?", (model_id,)).fetchone()
    return None if row is None else HubSilence(*row)


def silences(connection: Connection) -> tuple[str, ...]:
    """Ids of the models whose last lookup failed."""
    return tuple(row[0] for row in connection.execute("SELECT model_id FROM hub_silence ORDER BY model_id"))
