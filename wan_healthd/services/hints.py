"""Hints that wait for the event loop: bounded, and none is lost. Too many of files become few of folders, then of roots."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator, Mapping

from wan_healthd.domain.ports import WatchEvent, WatchKind

MOST_PENDING = 50_000
"""Most hints that wait: about 10 MB, unless somebody builds paths only for this."""

FINISHED = frozenset({WatchKind.CLOSED, WatchKind.MOVED_IN, WatchKind.GONE})
COARSE = frozenset({WatchKind.FOLDER_CHANGED, WatchKind.OVERFLOW, WatchKind.FAILED})


class PendingHints:
    """At most one hint of each path, and at most `most` of all (but one of each root). Not for several threads at a time.

    Args:
        root_of: the root that holds a path; hints of what no root holds are dropped when there are too many.
    """

    def __init__(self, root_of: Callable[[bytes], bytes | None], most: int = MOST_PENDING) -> None:
        self._root_of = root_of
        self._most = most
        self._kinds: dict[bytes, WatchKind] = {}

    def __len__(self) -> int:
        return len(self._kinds)

    def add(self, hint: WatchEvent) -> None:
        """One more. Of two about one path the one stays that must not be missed."""
        if len(self._kinds) >= self._most and hint.path not in self._kinds:
            self._fold()
        self._kinds[hint.path] = stronger(self._kinds.get(hint.path), hint.kind)

    def take(self, most: int) -> list[tuple[bytes, WatchKind]]:
        """Up to `most` of those that wait longest."""
        taken = [path for path, _ in zip(self._kinds, range(most), strict=False)]
        return [(path, self._kinds.pop(path)) for path in taken]

    def clear(self) -> None:
        """Forget all."""
        self._kinds.clear()

    def _fold(self) -> None:
        """Halve them at least, so that folding costs little for each hint."""
        self._kinds = _merged(_to_folders(self._kinds))
        if len(self._kinds) > self._most // 2:
            self._kinds = _merged(self._to_roots(self._kinds))

    def _to_roots(self, kinds: Mapping[bytes, WatchKind]) -> Iterator[tuple[bytes, WatchKind]]:
        for path, kind in kinds.items():
            root = self._root_of(path)
            if root is not None:
                yield root, kind if path == root else WatchKind.FOLDER_CHANGED


def stronger(known: WatchKind | None, new: WatchKind) -> WatchKind:
    """Of two hints about one path the one that must not be missed: failed over coarse over finished over open-ended."""
    if known is WatchKind.FAILED or (known in COARSE and new not in COARSE):
        return known if known is not None else new
    if known in FINISHED and new is WatchKind.ATTRIBUTES:
        return known if known is not None else new
    return new


def _to_folders(kinds: Mapping[bytes, WatchKind]) -> Iterator[tuple[bytes, WatchKind]]:
    for path, kind in kinds.items():
        yield (path, kind) if kind in COARSE else (posixpath.dirname(path), WatchKind.FOLDER_CHANGED)


def _merged(hints: Iterator[tuple[bytes, WatchKind]]) -> dict[bytes, WatchKind]:
    merged: dict[bytes, WatchKind] = {}
    for path, kind in hints:
        merged[path] = stronger(merged.get(path), kind)
    return merged
