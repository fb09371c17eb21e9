"""What a stated model needs by the configuration's own word (`essential`), in place of its layout's table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from itertools import islice

from wan_healthd.layouts.needs import Need

MAX_NEEDS = 5000
"""Most files that one model can be told to need."""


def needs_of(essential: Iterable[bytes], listed: Sequence[bytes] = ()) -> tuple[Need, ...]:
    """What the model's folder must hold.

    Args:
        essential: names, or patterns with `*` in their last part, relative to the model's folder. Of a pattern one match is
            needed in its folder; of what the source is known to have, every match.
        listed: paths of the files that the model's source is known to have.
    """
    return tuple(islice((need for pattern in essential for need in _of_one(pattern, listed)), MAX_NEEDS))


def _of_one(pattern: bytes, listed: Sequence[bytes]) -> Iterator[Need]:
    folder, name = _split(pattern)
    if b"*" not in name:
        yield Need(folder, (name,))
        return
    matches = [other for place, other in map(_split, listed) if place == folder and fnmatchcase(other, name)]
    for match in matches or [name]:
        yield Need(folder, (match,))


def _split(path: bytes) -> tuple[bytes, bytes]:
    folder, _, name = path.rpartition(b"/")
    return folder, name
