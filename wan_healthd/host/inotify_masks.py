"""What we ask inotify for, and what its answers and refusals mean to us."""

from __future__ import annotations

import errno

from watchdog.observers.inotify_c import InotifyConstants, Mask

from wan_healthd.domain.ports import WatchKind

MASK = Mask(
    InotifyConstants.IN_MODIFY
    | InotifyConstants.IN_ATTRIB
    | InotifyConstants.IN_CLOSE_WRITE
    | InotifyConstants.IN_CREATE
    | InotifyConstants.IN_DELETE
    | InotifyConstants.IN_MOVED_FROM
    | InotifyConstants.IN_MOVED_TO
    | InotifyConstants.IN_DELETE_SELF
    | InotifyConstants.IN_MOVE_SELF
    | InotifyConstants.IN_ONLYDIR
)
"""No OPEN, ACCESS or CLOSE_NOWRITE: our own reads must not make events."""

FILE_KINDS = (
    (InotifyConstants.IN_CLOSE_WRITE, WatchKind.CLOSED),
    (InotifyConstants.IN_MOVED_TO, WatchKind.MOVED_IN),
    (InotifyConstants.IN_MOVED_FROM | InotifyConstants.IN_DELETE, WatchKind.GONE),
    (InotifyConstants.IN_CREATE, WatchKind.CREATED),
    (InotifyConstants.IN_MODIFY, WatchKind.MODIFIED),
    (InotifyConstants.IN_ATTRIB, WatchKind.ATTRIBUTES),
)

FOLDER_APPEARED = InotifyConstants.IN_CREATE | InotifyConstants.IN_MOVED_TO
ROOT_WENT = InotifyConstants.IN_DELETE_SELF | InotifyConstants.IN_MOVE_SELF

VANISHED = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})
"""A folder that went, or was replaced, between being named and being watched."""

VANISHED_NAMES = frozenset(errno.errorcode[code] for code in VANISHED)

EXHAUSTED = frozenset({errno.ENOSPC, errno.ENOMEM})
"""No watches left for this user (fs.inotify.max_user_watches): trying the next folder is of no use."""
