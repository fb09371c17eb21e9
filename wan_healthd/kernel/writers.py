"""Whether anybody may write to an open file: that is what a read lease is refused for (fcntl(2), "Leases")."""

from __future__ import annotations

import fcntl
import signal

from wan_healthd.kernel.filesystem import BTRFS_MAGIC, EXT_MAGIC, TMPFS_MAGIC, XFS_MAGIC, filesystem_magic

LEASED_FOR_ALL = frozenset({EXT_MAGIC, XFS_MAGIC, BTRFS_MAGIC, TMPFS_MAGIC})
"""Where a lease speaks for everybody. Elsewhere files are written to behind it: by another machine, beneath an overlay."""


def is_written(descriptor: int) -> bool:
    """Whether anybody has the file open for writing, or mapped so; False also where nobody says.

    Leases are for the file's owner, or with CAP_LEASE. Whoever opens the file just while one is tried waits for some
    microseconds, and we get a signal that is ignored unless somebody asked for it.

    Raises:
        OSError: the system refuses to say on what the file is.
    """
    if filesystem_magic(descriptor) not in LEASED_FOR_ALL:
        return False
    fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except BlockingIOError:
        return True
    except OSError:
        return False
    fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    return False
