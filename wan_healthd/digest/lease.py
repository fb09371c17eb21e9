"""A read lease: as long as it holds, nobody has the file open for writing, or mapped so, and whoever wants to must wait.

Source: fcntl(2), "Leases". It is granted to the file's owner, or with CAP_LEASE. A mapping that can be stored to keeps the file
open for writing after its descriptor was closed, so none is overlooked. When somebody opens the file, the kernel sends SIGIO
(which the worker ignores) and has them wait until the lease is given back, which is why `is_held` is asked often.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from wan_healthd.digest.growth import GivenUp


class LeaseRefused(GivenUp):
    """Somebody has the file open for writing, or the lease is not ours to ask for."""


@contextmanager
def read_lease(descriptor: int) -> Iterator[None]:
    """Hold one until the block ends. Raises LeaseRefused where it is not granted."""
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except OSError as error:
        raise LeaseRefused(f"nobody vouches that it is not written to: {error.strerror}") from error
    try:
        yield
    finally:
        with suppress(OSError):  # taken away by force, /proc/sys/fs/lease-break-time
            fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)


def is_held(descriptor: int) -> bool:
    """Whether nobody asked for the lease to be given back."""
    return fcntl.fcntl(descriptor, fcntl.F_GETLEASE) == fcntl.F_RDLCK
