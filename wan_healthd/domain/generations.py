"""Generations as clients announce them: each lasts until it ends, or until its announcement expires by the wall clock. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from msgspec import Struct

from wan_healthd.domain.occupation import Occupation
from wan_healthd.domain.paths import printable

SHORTEST_S, USUAL_S, LONGEST_S = 1.0, 3600.0, 86_400.0
"""How long an announcement may hold, and does where nobody says: whoever forgets to end one does not stop sweeps for ever."""

LEEWAY, LEAST_BY_EXPECTATION_S = 4.0, 600.0
"""One of known length holds for four such lengths: a first run compiles its kernels, and a busy machine takes its time."""

MOST_OPEN, MOST_OPEN_OF_ONE = 256, 64
"""At once, of all users and of one: many more than there are graphics processors."""

LONGEST_NOTE, LONGEST_MODEL_ID = 200, 512


class Generation(Struct, frozen=True):
    """A generation that somebody announced.

    Args:
        id: its number, which is never used again; 0 until the store gave it one.
        model_id: of the model that generates, as the client calls it; None where it did not say. There need be no such model.
        uid, pid: of who announced it. A process that has ended since may have been no more than a messenger.
        note: the client's own words; printable.
        expected_at: when the client thought that it would end.
        expires_at: from then on it does not count any more, whether it ended or not.
        ended_at: when the client said that it ended; None where it did not.
    """

    id: int
    model_id: str | None
    uid: int
    pid: int
    note: str
    began_at: datetime
    expected_at: datetime | None
    expires_at: datetime
    ended_at: datetime | None = None


def announced(
    *, model_id: str | None, uid: int, pid: int, note: str, expected_s: float | None, expires_in_s: float | None, now: datetime
) -> Generation:
    """One that begins now; `note` is made printable and cut to LONGEST_NOTE, for it is shown to others."""
    return Generation(
        id=0,
        model_id=model_id,
        uid=uid,
        pid=pid,
        note=printable(note[:LONGEST_NOTE])[:LONGEST_NOTE],
        began_at=now,
        expected_at=None if expected_s is None else now + timedelta(seconds=expected_s),
        expires_at=now + timedelta(seconds=lifetime_s(expires_in_s, expected_s)),
    )


def lifetime_s(expires_in_s: float | None, expected_s: float | None = None) -> float:
    """How long an announcement holds: as stated, else by the expected length, else USUAL_S; never longer than LONGEST_S."""
    if expires_in_s is None:
        expires_in_s = USUAL_S if expected_s is None else max(LEAST_BY_EXPECTATION_S, LEEWAY * expected_s)
    return min(max(expires_in_s, SHORTEST_S), LONGEST_S)


def is_open(generation: Generation, now: datetime) -> bool:
    """Whether sweeps make way for it. One that expires later than any may was announced when the clock was ahead: over."""
    return generation.ended_at is None and now < generation.expires_at <= now + timedelta(seconds=LONGEST_S)


def present(generations: Iterable[Generation], now: datetime) -> Occupation | None:
    """What sweeps make way for: of what is open, that which lasts longest; None where nothing is."""
    still = [generation for generation in generations if is_open(generation, now)]
    if not still:
        return None
    last = max(still, key=lambda generation: (generation.expires_at, generation.id))
    others = f", and {len(still) - 1} more" if len(still) > 1 else ""
    return Occupation(f"{described(last)}{others}", last.began_at, last.expires_at)


def next_expiry(generations: Collection[Generation]) -> datetime | None:
    """When the first of them expires."""
    return min((generation.expires_at for generation in generations), default=None)


def described(generation: Generation) -> str:
    """Who and what, on one printable line: "uid 1000: Wan2.2-T2V-A14B, the night's batch"."""
    what = ", ".join(filter(None, (printable(generation.model_id or ""), generation.note)))
    return f"uid {generation.uid}: {what}" if what else f"uid {generation.uid}"
