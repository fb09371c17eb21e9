"""Facts about the daemon's own process and its surroundings: what probes gather and `checks.doctor` judges."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from msgspec import Struct

from wan_healthd.domain.gpus import GpuFacts


class Capability:
    """Bits of a capability set (linux/capability.h)."""

    DAC_OVERRIDE = 1
    DAC_READ_SEARCH = 2
    FOWNER = 3
    LEASE = 28


class Unreadable(Struct, frozen=True):
    """A file or folder that we may not read; `mode` are its permission bits."""

    path: bytes
    owner: str
    group: str
    mode: int
    is_folder: bool


class DiskFacts(Struct, frozen=True):
    """Where a root's files are, and how they can be read.

    Args:
        kind: the file system's type as the mount table has it; "" where it is not told.
        is_direct: whether a read with O_DIRECT works; None where there was no file to try.
        refusal: the system's word for why it does not.
        alignment_bytes: what direct reads must be aligned to, as the kernel says; None where it does not say.
        is_compressed: whether the file that was tried is kept compressed.
        device: the block device, as "sda"; None where none can be told.
        scheduler: its I/O scheduler, as "mq-deadline"; None where it has none.
        is_rotational: a disk that turns.
    """

    kind: str = ""
    is_direct: bool | None = None
    refusal: str | None = None
    alignment_bytes: int | None = None
    is_compressed: bool = False
    device: str | None = None
    scheduler: str | None = None
    is_rotational: bool = False


class RootFacts(Struct, frozen=True):
    """One root, and a bounded part of what is below it.

    Args:
        errno_name: why it cannot be listed; None if it can.
        blocked_at: the folder on the way to it that may not be entered.
        files, folders: how many were looked at.
        is_part: whether there are more than were looked at.
        unreadable: the first of those that may not be read; `unreadable_count` of all.
        owned: how many of the files are ours.
        is_writable: whether we may write in the root.
        owner, group, mode: of what could not be entered or listed.
    """

    path: bytes
    errno_name: str | None = None
    blocked_at: bytes | None = None
    files: int = 0
    folders: int = 0
    is_part: bool = False
    unreadable: tuple[Unreadable, ...] = ()
    unreadable_count: int = 0
    owned: int = 0
    is_writable: bool = False
    obstacle: Unreadable | None = None
    disk: DiskFacts = DiskFacts()


class InotifyLimits(Struct, frozen=True):
    """What one user may have, and how many events may wait; None where /proc does not tell."""

    watches: int | None
    instances: int | None
    queued_events: int | None


class ProcessFacts(Struct, frozen=True):
    """The daemon's process.

    Args:
        user, group: names, or numbers where there are none.
        capabilities: the effective set, as bits; None where /proc does not tell.
        no_new_privileges, is_filtered: of the process; None where /proc does not tell.
        sees_all_users: False in a user namespace, where others are 65534.
        is_service: whether a systemd service manager started it.
        installed_version: of the package as it is on the disk now; None where it is not installed.
        descriptors_limit, descriptors_open: RLIMIT_NOFILE.
        niceness, idle_io: what the system says to lowering its priority, and to the idle I/O class; None: granted.
        cachestat, mincore: what it says to asking what of a file is in memory; None: granted.
        processors: what it says to reading what all programs use of the processors; None: granted.
        kernel: release, as "6.1.0-18-amd64".
        text_encoding: of file names.
    """

    pid: int
    user: str
    group: str
    uid: int
    capabilities: int | None
    no_new_privileges: bool | None
    is_filtered: bool | None
    sees_all_users: bool
    is_service: bool
    installed_version: str | None
    descriptors_limit: int
    descriptors_open: int
    niceness: str | None
    idle_io: str | None
    cachestat: str | None
    mincore: str | None
    processors: str | None
    kernel: str
    text_encoding: str


class ClockFacts(Struct, frozen=True):
    """The clock; `is_synchronised` None where nobody says, `by` who says."""

    now: datetime
    is_synchronised: bool | None
    by: str


class StateFacts(Struct, frozen=True):
    """The state's files, and the file system that they are on.

    Args:
        fault: what is wrong with the database; None if it is sound.
        good_copy_at: when the last good copy was made.
        newest_event_at: None where there is none.
        exposed: names of what others than the owner may read or write, with its mode.
        foreign: names of what belongs to somebody else.
        free_inodes: None where the file system has none.
        is_locked: whether the lock in place is one that somebody holds.
    """

    file: bytes
    size_bytes: int
    fault: str | None
    good_copy_at: datetime | None
    newest_event_at: datetime | None
    exposed: tuple[tuple[bytes, int], ...]
    foreign: tuple[bytes, ...]
    free_bytes: int
    free_inodes: int | None
    is_locked: bool


class HubReach(Struct, frozen=True):
    """Whether the hub answered; `refusal` says why not."""

    host: str
    refusal: str | None = None


class Probes(Protocol):
    """Each gathers facts, may wait for a disk, and raises OSError where not even that can be told."""

    def root(self, path: bytes) -> RootFacts:
        """One root, and a bounded look below it."""

    def inotify(self) -> InotifyLimits:
        """The limits that hold here."""

    def process(self) -> ProcessFacts:
        """Our own process."""

    def clock(self) -> ClockFacts:
        """The clock."""

    def gpu(self) -> GpuFacts:
        """Graphics processors."""

    def state(self, file: bytes) -> StateFacts:
        """The state's files, all but what only the store can tell: that is left empty."""
