"""The clock, the inotify limits, and the files of the state."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import stat
from datetime import UTC, datetime

from wan_healthd.domain.vitals import ClockFacts, InotifyLimits, StateFacts
from wan_healthd.kernel.calls import libc

SYNCHRONISED = "/run/systemd/timesync/synchronized"
UNSYNCHRONISED_STATE = 5
"""TIME_ERROR of adjtimex(2)."""
TIMEX_BYTES = 256
FOR_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def clock() -> ClockFacts:
    """What the kernel says of the clock, or else systemd-timesyncd."""
    now = datetime.now(UTC)
    state = libc.adjtimex(ctypes.create_string_buffer(TIMEX_BYTES))
    if state >= 0:
        return ClockFacts(now, state != UNSYNCHRONISED_STATE, "the kernel")
    if os.path.exists(SYNCHRONISED):
        return ClockFacts(now, True, "systemd-timesyncd")
    return ClockFacts(now, None, "nobody")


def inotify() -> InotifyLimits:
    """The lower of the limits of the machine and of this user namespace."""
    return InotifyLimits(
        watches=_lower("/proc/sys/fs/inotify/max_user_watches", "/proc/sys/user/max_inotify_watches"),
        instances=_lower("/proc/sys/fs/inotify/max_user_instances", "/proc/sys/user/max_inotify_instances"),
        queued_events=_lower("/proc/sys/fs/inotify/max_queued_events"),
    )


def state(file: bytes) -> StateFacts:
    """The state's files, and the room that they have; nothing of what is in them.

    Raises:
        OSError: its folder cannot be looked at.
    """
    folder, base = os.path.dirname(file), os.path.basename(file)
    room = os.statvfs(folder)
    own = {folder: os.stat(folder)}
    with os.scandir(folder) as entries:
        own |= {entry.path: entry.stat(follow_symlinks=False) for entry in entries if entry.name.startswith(base)}
    return StateFacts(
        file=file,
        size_bytes=sum(facts.st_size for path, facts in own.items() if path != folder),
        fault=None,
        good_copy_at=None,
        newest_event_at=None,
        exposed=tuple((path, stat.S_IMODE(f.st_mode)) for path, f in sorted(own.items()) if f.st_mode & FOR_OTHERS),
        foreign=tuple(path for path, facts in sorted(own.items()) if facts.st_uid != os.geteuid()),
        free_bytes=room.f_bavail * room.f_frsize,
        free_inodes=room.f_favail if room.f_files else None,
        is_locked=_is_locked(file + b".lock"),
    )


def _is_locked(path: bytes) -> bool:
    """Whether the lock that another start would take is held."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno == errno.EWOULDBLOCK
    finally:
        os.close(descriptor)
    return False


def _lower(*paths: str) -> int | None:
    found = []
    for path in paths:
        try:
            with open(path, encoding="ascii") as limit:
                found.append(int(limit.read()))
        except (OSError, ValueError):
            continue
    return min(found, default=None)
