"""How far the watching of a root reaches: what is watched, what is not, and why."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class WatchMode(StrEnum):
    """How changes below a root are noticed, beside the sweeps on schedule."""

    AUTO = "auto"
    """By inotify, and by polling where it does not tell everything."""
    INOTIFY = "inotify"
    """By inotify; polled is only what could not be watched."""
    POLL = "poll"
    """By polling alone."""


class Eventless(Struct, frozen=True):
    """A folder on a file system whose changes the kernel does not tell, or not all of them; `why` is a phrase for people."""

    path: bytes
    kind: str
    why: str


class RootWatch(Struct, frozen=True):
    """One root.

    Args:
        folders: how many folders are watched.
        gaps: the topmost folders that could not be watched; the root alone where they are too many to be named.
        unwatched: how many folders that leaves unwatched, as counted when it was tried.
        errno_name: the system's refusal ("ENOSPC", "EACCES"); None without gaps.
        limit: watches that one user may have (ENOSPC); None where it is not known.
        eventless: folders at or below the root on file systems without events.
    """

    root: bytes
    folders: int = 0
    gaps: tuple[bytes, ...] = ()
    unwatched: int = 0
    errno_name: str | None = None
    limit: int | None = None
    eventless: tuple[Eventless, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether no folder was left out."""
        return not self.gaps


def folders_to_poll(mode: WatchMode, report: RootWatch, *, is_lost: bool) -> tuple[bytes, ...]:
    """The folders of a root of which not every change is told: each is to be looked at again at intervals.

    `is_lost`: watching the root ended or could not begin.
    """
    if mode is WatchMode.POLL or is_lost or report.root in report.gaps:
        return (report.root,)
    eventless = [place.path for place in report.eventless] if mode is WatchMode.AUTO else []
    if report.root in eventless:
        return (report.root,)
    return tuple(dict.fromkeys((*report.gaps, *eventless)))
