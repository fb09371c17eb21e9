"""Open a path below a root: by openat2 where that can decide, else link by link by hand.

openat2 refuses absolute links even if they point back inside, and is unknown to old kernels and strict system call
filters. The walk by hand answers those cases with the same promise: nothing outside the root is ever opened or looked at.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable

from msgspec import Struct

from wan_healthd.kernel.openat2 import openat2

Opener = Callable[[int, bytes, int], int]
"""`(folder, relative path, flags) -> descriptor`, as `openat2`."""

MAX_LINKS = 40
"""As the kernel's own limit (MAXSYMLINKS)."""

UNDECIDED = frozenset({errno.EXDEV, errno.ENOSYS, errno.EPERM})
"""openat2's answers that only the walk by hand can tell apart."""


class Top(Struct, frozen=True):
    """An opened root: `descriptor` is an O_PATH descriptor of the folder at `path` (absolute)."""

    path: bytes
    descriptor: int


def relative_to(root: bytes, path: bytes) -> bytes | None:
    """`path` relative to `root`, `b"."` for the root itself; None if it is not below it by its text."""
    if path == root:
        return b"."
    prefix = root.rstrip(b"/") + b"/"
    if not path.startswith(prefix):
        return None
    return path[len(prefix) :].lstrip(b"/") or b"."


def open_beneath(top: Top, relative: bytes, flags: int, opener: Opener = openat2) -> int:
    """Open `relative` below `top`; links are followed as long as they stay inside.

    Args:
        top: the opened root.
        relative: `b"."` for the root itself, which may be a link or a file.
        flags: as for open(2), never O_CREAT; with O_NOFOLLOW a link at the very end is not followed.
        opener: asked first.

    Raises:
        OSError: EXDEV where the path leads out of the root, else as for open(2).
    """
    if relative == b".":
        return os.open(top.path, flags & ~os.O_NOFOLLOW)
    try:
        return opener(top.descriptor, relative, flags)
    except OSError as error:
        if error.errno not in UNDECIDED:
            raise
    place = _Walk(top).resolve(relative, follow_last=not flags & os.O_NOFOLLOW)
    return _open_stepwise(top.descriptor, place, flags)


def way_beneath(top: Top, relative: bytes) -> list[bytes]:
    """Where the links at the end of `relative` lead, one after the other: absolute names, at most `MAX_LINKS` of them.

    No folder in these names is a link. The last one is of what is no link, is not there, may not be looked at, or lies
    outside.
    """
    walk = _Walk(top)
    with contextlib.suppress(OSError):  # then the way ends there
        walk.resolve(relative, follow_last=True)
    return walk.stops


def _open_stepwise(folder: int, names: list[bytes], flags: int) -> int:
    """Open component by component, none of which may be a link: what changed since it was resolved is refused."""
    steps = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    *folders, last = names or [b"."]
    opened: int | None = None
    try:
        for name in folders:
            previous, opened = opened, os.open(name, steps, dir_fd=folder if opened is None else opened)
            if previous is not None:
                os.close(previous)
        return os.open(last, flags | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder if opened is None else opened)
    finally:
        if opened is not None:
            os.close(opened)


class _Walk:
    """Resolves links by their text. `_place` is always an ancestor of the root's true place, that place, or below it."""

    def __init__(self, top: Top) -> None:
        self._top = top
        self._home = _names(os.path.realpath(top.path))
        self._place = list(self._home)
        self._rest: list[bytes] = []
        self._links = 0
        self.stops: list[bytes] = []
        """Where the links at the very end led so far."""

    def resolve(self, relative: bytes, *, follow_last: bool) -> list[bytes]:
        """The path's names below the root, free of links and of `..`.

        Raises:
            OSError: EXDEV where it leads out, ELOOP after too many links, else what reading a link raised.
        """
        self._rest = _names(relative)[::-1]
        while self._rest:
            self._step(self._rest.pop(), follow_last)
        if len(self._place) < len(self._home):
            raise _error(errno.EXDEV)
        return self._inside()

    def _step(self, name: bytes, follow_last: bool) -> None:
        if name == b"..":
            self._place = self._place[:-1]
            return
        self._place.append(name)
        if len(self._place) <= len(self._home):
            # Back on the way to the root, whose true place holds no links: nothing needs to be looked at.
            if self._place != self._home[: len(self._place)]:
                raise _error(errno.EXDEV)
            return
        if self.stops and not self._rest:
            self.stops[-1] = os.path.join(self._top.path, *self._inside())  # free of links now
        if self._rest or follow_last:
            self._follow()

    def _follow(self) -> None:
        """If a link stands at `_place`, put what it says in its stead."""
        target = self._link_target()
        if target is None:
            return
        self._links += 1
        if self._links > MAX_LINKS:
            raise _error(errno.ELOOP)
        self._place.pop()
        if not self._rest:
            self.stops.append(os.path.normpath(os.path.join(b"/", *self._place, target)))
        if target.startswith(b"/"):
            inside = relative_to(self._top.path, target)
            self._place = [] if inside is None else list(self._home)
            target = target if inside is None else inside
        self._rest += _names(target)[::-1]

    def _link_target(self) -> bytes | None:
        try:
            return os.readlink(b"/".join(self._inside()), dir_fd=self._top.descriptor)
        except OSError as error:
            if error.errno == errno.EINVAL:  # not a link
                return None
            raise

    def _inside(self) -> list[bytes]:
        return self._place[len(self._home) :]


def _names(path: bytes) -> list[bytes]:
    return [name for name in path.split(b"/") if name not in (b"", b".")]


def _error(code: int) -> OSError:
    return OSError(code, os.strerror(code))
