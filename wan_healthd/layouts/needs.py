"""What a model's folders must hold, folder by folder, so that a sweep can tell what is absent while it walks."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

from msgspec import Struct


class Need(Struct, frozen=True):
    """Files of which one must be there, as name patterns; the first names the file that is told missing if none is.

    `folder` is relative to the model's own folder, without slashes at its ends; empty for that folder itself.
    """

    folder: bytes
    any_of: tuple[bytes, ...]

    @property
    def path(self) -> bytes:
        """The path that is missing, relative to the model's folder."""
        return self.folder + b"/" + self.any_of[0] if self.folder else self.any_of[0]

    def is_met_by(self, names: frozenset[bytes]) -> bool:
        """Whether one of the names will do."""
        return any(
            pattern in names or (b"*" in pattern and any(fnmatchcase(name, pattern) for name in names))
            for pattern in self.any_of
        )


def every(folder: bytes, *names: bytes) -> tuple[Need, ...]:
    """Each of these names is needed in the folder."""
    return tuple(Need(folder, (name,)) for name in names)


def absent(needs: tuple[Need, ...], folder: bytes, names: frozenset[bytes]) -> Iterator[bytes]:
    """Paths, relative to the model's folder, that are needed and known to be absent from one look at `folder`.

    `names` are the folder's entries, sub-folders included: whatever is needed below a sub-folder that is not there is absent.
    """
    for need in needs:
        if need.folder == folder:
            if not need.is_met_by(names):
                yield need.path
        elif (step := _next_step(folder, need.folder)) is not None and step not in names:
            yield need.path


def _next_step(folder: bytes, below: bytes) -> bytes | None:
    """The first sub-folder on the way from `folder` down to `below`; None if `below` is not below it."""
    prefix = folder + b"/" if folder else b""
    return below[len(prefix) :].split(b"/", 1)[0] if below.startswith(prefix) and below != folder else None
