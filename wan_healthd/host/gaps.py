"""Folders of one root that could not be watched."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec import Struct

MOST_NAMED = 1000
"""More gaps than these are not kept one by one: the root as a whole is the gap then."""

MOST_COUNTED = 1_000_000
"""Folders below a gap are counted up to here."""


class GapReport(Struct, frozen=True):
    """As in `RootWatch`."""

    gaps: tuple[bytes, ...] = ()
    unwatched: int = 0
    errno_name: str | None = None


class _Gap(Struct, frozen=True):
    errno_name: str
    folders: int


class Gaps:
    """The topmost unwatched folders, each with its reason and with the number of folders that it leaves unwatched.

    `report` is made anew with each change, so that it can be had without waiting for whoever sets watches.
    """

    def __init__(self, root: bytes) -> None:
        self._root = root
        self._gaps: dict[bytes, _Gap] = {}
        self.report = GapReport()

    def __len__(self) -> int:
        return len(self._gaps)

    def add(self, found: Mapping[bytes, str], subfolders: Callable[[bytes], list[bytes]]) -> None:
        """These folders cannot be watched, for the reasons with these symbolic names."""
        for path, errno_name in found.items():
            if path not in self._gaps:
                self._gaps[path] = _Gap(errno_name, _count(path, subfolders))
        if len(self._gaps) > MOST_NAMED:
            errno_name = next(iter(self._gaps.values())).errno_name
            self._gaps = {self._root: _Gap(errno_name, sum(gap.folders for gap in self._gaps.values()))}
        self._tell()

    def take(self, top: bytes) -> tuple[bytes, ...]:
        """Forget the gaps at and below `top`, and return them."""
        if not self._gaps:
            return ()
        below = top.rstrip(b"/") + b"/"
        taken = tuple(path for path in self._gaps if path == top or path.startswith(below))
        for path in taken:
            del self._gaps[path]
        if taken:
            self._tell()
        return taken

    def _tell(self) -> None:
        first = next(iter(self._gaps.values()), None)
        self.report = GapReport(
            gaps=tuple(self._gaps),
            unwatched=sum(gap.folders for gap in self._gaps.values()),
            errno_name=None if first is None else first.errno_name,
        )


def _count(top: bytes, subfolders: Callable[[bytes], list[bytes]]) -> int:
    """`top` and the folders below it, as far as they can be listed."""
    waiting, counted = [top], 0
    while waiting and counted < MOST_COUNTED:
        counted += 1
        try:
            waiting += subfolders(waiting.pop())
        except OSError:
            continue
    return counted


def watch_limit() -> int | None:
    """How many watches this user may have, in the narrowest of the limits that can be seen here."""
    limits = [_number(b"/proc/sys/fs/inotify/max_user_watches"), _number(b"/proc/sys/user/max_inotify_watches")]
    return min((limit for limit in limits if limit is not None), default=None)


def _number(path: bytes) -> int | None:
    try:
        with open(path, encoding="ascii") as file:
            return int(file.read())
    except (OSError, ValueError):
        return None
