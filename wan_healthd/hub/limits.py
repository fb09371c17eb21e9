"""How much the hub may cost us."""

from __future__ import annotations

from msgspec import Struct


class Limits(Struct, frozen=True):
    """Bounds of one lookup. Wan's repositories have some 50 files; the largest on the hub have some thousand in a page.

    Args:
        deadline_s: for the whole lookup, with all its pages, pauses and tries.
        request_s: for one request, from connecting to the last byte.
        silence_s: for each wait on a connection: until it is made, and until the next bytes come.
        tries: of one request.
        pause_s: the longest pause before the second try; it doubles with each further one.
        longest_pause_s: of any pause; a hub that asks for more is asked again with the next sweep.
        body_bytes: of one answer.
        total_bytes: of all answers.
        pages: of one list.
        entries: of one list, folders included.
        hops: redirects within the same host.
    """

    deadline_s: float = 60.0
    request_s: float = 20.0
    silence_s: float = 8.0
    tries: int = 4
    pause_s: float = 1.0
    longest_pause_s: float = 15.0
    body_bytes: int = 8 << 20
    total_bytes: int = 16 << 20
    pages: int = 64
    entries: int = 20_000
    hops: int = 3
