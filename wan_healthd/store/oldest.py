"""Which files were verified longest ago."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from datetime import datetime

import msgspec
from msgspec import Struct

from wan_healthd.domain.exposure import Exposure
from wan_healthd.store.connection import Connection
from wan_healthd.store.times import from_micros, optional_time, to_micros


class OldPlace(Struct, frozen=True):
    """A path whose content is to be read again, and the models that it belongs to."""

    path: bytes
    root: bytes
    models: tuple[str, ...]


def unverified_since(connection: Connection, since: datetime) -> Sequence[int]:
    """Numbers of the watched paths whose content was read whole once but not all of it since then, stalest byte first.

    Eight bytes each, so that a million of them may be held.
    """
    rows = connection.execute(
        "SELECT path.id FROM path JOIN content ON content.id = path.content_id"
        " JOIN (SELECT content_id, min(verified_at) AS oldest FROM extent GROUP BY content_id) AS age"
        " ON age.content_id = content.id"
        " WHERE content.sha256 IS NOT NULL AND oldest < ?"
        " AND EXISTS (SELECT 1 FROM membership JOIN model ON model.id = model_id WHERE path_id = path.id AND watched)"
        " ORDER BY oldest, path.id",
        (to_micros(since),),
    )
    return array("q", (row[0] for row in rows))


def places(connection: Connection, numbers: Sequence[int]) -> tuple[OldPlace, ...]:
    """The paths of these numbers, in this order, without those that were forgotten meanwhile."""
    query = "SELECT path, root, (SELECT json_group_array(model_id) FROM membership WHERE path_id = id) FROM path WHERE id = ?"
    found = (connection.execute(query, (number,)).fetchone() for number in numbers)
    return tuple(
        OldPlace(path, root, msgspec.json.decode(models, type=tuple[str, ...]))
        for path, root, models in (row for row in found if row is not None)
    )


def bytes_to_verify(connection: Connection) -> int:
    """What all watched models hold; a file that two of them share counts twice."""
    (total,) = connection.execute("SELECT coalesce(sum(size_bytes), 0) FROM model WHERE watched").fetchone()
    return int(total)


def exposures(connection: Connection) -> tuple[Exposure, ...]:
    """Of each watched model that has bytes, when its stalest one was verified from the disk."""
    rows = connection.execute("SELECT id, appeared_at, oldest_read_at FROM model WHERE watched AND size_bytes > 0 ORDER BY id")
    return tuple(Exposure(model_id, from_micros(appeared), optional_time(verified)) for model_id, appeared, verified in rows)
