"""What a model's folders must hold, folder by folder, so that a sweep can tell what is absent while it walks."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

from msgspec import Struct


class Need(Struct, frozen=True):
    """Files of which one must be there, as name patterns; the first names the file that is told missing if none is.

    `folder` is relative to the folder that the need is known in, without slashes at its ends; empty for that folder itself.
    """

    folder: bytes
    any_of: tuple[bytes, ...]

    @property
    def path(self) -> bytes:
        """The path that is missing, relative to where the need is known."""
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


def below(needs: tuple[Need, ...], name: bytes) -> tuple[Need, ...]:
    """What is needed in the sub-folder of that name and below it, relative to it."""
    steps = ((need.folder.partition(b"/"), need) for need in needs)
    return tuple(Need(rest, need.any_of) for (first, _, rest), need in steps if name and first == name)


def absent(needs: tuple[Need, ...], names: frozenset[bytes]) -> Iterator[bytes]:
    """Paths, relative to a folder with these entries, that are needed and known to be absent from one look at it.

    Sub-folders are among the names: whatever is needed below one that is not there is absent.
    """
    for need in needs:
        step = need.folder.partition(b"/")[0]
        if (step not in names) if step else not need.is_met_by(names):
            yield need.path
