"""Open findings on models as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TypeAlias

import msgspec
from msgspec import Struct, UnsetType

from wan_healthd.domain.findings import Finding
from wan_healthd.store.connection import Connection
from wan_healthd.store.paths import decode_finding
from wan_healthd.store.times import to_micros

Place: TypeAlias = tuple[str, str]
"""A code and the path that the finding names (empty: none): a model has one finding of each."""


class Turn(Struct, frozen=True):
    """What a new verdict changed among the findings on a model (rewording changes nothing), and those that are open now."""

    findings: tuple[Finding, ...]
    opened: tuple[Finding, ...] = ()
    cleared: tuple[Finding, ...] = ()


def open_findings(connection: Connection, model_id: str) -> tuple[Finding, ...]:
    """What was found last, the oldest first."""
    rows = connection.execute(
        "SELECT body, first_seen FROM model_finding WHERE model_id = ? ORDER BY first_seen, code, place",
        (model_id,),
    )
    return tuple(decode_finding(body, first_seen) for body, first_seen in rows)


def replace(connection: Connection, model_id: str, found: Sequence[Finding], now: datetime) -> Turn:
    """These are the model's open findings now; what was open before keeps its `first_seen`."""
    before = {_place(item): item for item in open_findings(connection, model_id)}
    after = {_place(item): item for item in found}
    cleared = tuple(item for place, item in before.items() if place not in after)
    connection.executemany(
        "DELETE FROM model_finding WHERE model_id = ? AND code = ? AND place = ?",
        [(model_id, *_place(item)) for item in cleared],
    )
    connection.executemany(
        "INSERT INTO model_finding (model_id, code, place, body, first_seen) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT DO UPDATE SET body = excluded.body",
        [(model_id, *place, msgspec.json.encode(item), to_micros(now)) for place, item in after.items()],
    )
    known = tuple(
        msgspec.structs.replace(item, first_seen=before[place].first_seen if place in before else now)
        for place, item in after.items()
    )
    return Turn(known, tuple(item for item in known if _place(item) not in before), cleared)


def _place(finding: Finding) -> Place:
    exact = finding.path_b64
    return finding.code, (finding.path or "") if isinstance(exact, UnsetType) else exact
