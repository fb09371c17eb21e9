"""One root: whether we come to it, what of it we may read, and what it lies on."""

from __future__ import annotations

import errno
import grp
import mmap
import os
import pwd
import stat
import time
from collections.abc import Iterator

from msgspec.structs import replace

from wan_healthd.domain.vitals import DiskFacts, RootFacts, Unreadable
from wan_healthd.host.mounts import Mount, mount_of, mount_table
from wan_healthd.host.probes.attempts import refusal
from wan_healthd.kernel.filesystem import direct_alignment, is_compressed

MOST_ENTRIES = 20_000
LONGEST_S = 2.0
"""A look below a root ends there, whichever comes first."""
MOST_NAMED = 3
PAGE = 4096
TRY_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_NOFOLLOW | os.O_CLOEXEC


def examine(root: bytes) -> RootFacts:
    """Look at the root and below it, within bounds; nothing is written, and of one file a block is read."""
    try:
        with os.scandir(root):
            pass
    except OSError as error:
        blocked = _blocked_at(root)
        return RootFacts(root, refusal(error.errno or 0), blocked, obstacle=_described(blocked or root))
    walk = _Walk()
    walk.go(root)
    facts = RootFacts(
        root,
        files=walk.files,
        folders=walk.folders,
        is_part=walk.is_part,
        unreadable=tuple(walk.unreadable),
        unreadable_count=walk.unreadable_count,
        owned=walk.owned,
        is_writable=os.access(root, os.W_OK, effective_ids=True),
    )
    return replace(facts, disk=_disk(root, walk.sample))


class _Walk:
    """A look at everything below a folder, as far as the bounds let it; links are not followed."""

    def __init__(self) -> None:
        self.files = self.folders = self.unreadable_count = self.owned = 0
        self.unreadable: list[Unreadable] = []
        self.sample: bytes | None = None
        self.is_part = False
        self._own = os.geteuid()
        self._until = time.monotonic() + LONGEST_S

    def go(self, root: bytes) -> None:
        waiting = [root]
        while waiting and not self.is_part:
            try:
                with os.scandir(waiting.pop()) as entries:
                    waiting.extend(self._take(entries))
            except OSError:  # it went, or it was told as unreadable when it was met
                continue

    def _take(self, entries: Iterator[os.DirEntry[bytes]]) -> list[bytes]:
        below = []
        for entry in entries:
            if self.files + self.folders >= MOST_ENTRIES or time.monotonic() > self._until:
                self.is_part = True
                break
            try:
                facts = entry.stat(follow_symlinks=False)
            except OSError:
                continue
            if stat.S_ISDIR(facts.st_mode):
                self.folders += 1
                if self._may(entry.path, os.R_OK | os.X_OK, facts):
                    below.append(entry.path)
            elif stat.S_ISREG(facts.st_mode):
                self._take_file(entry.path, facts)
        return below

    def _take_file(self, path: bytes, facts: os.stat_result) -> None:
        self.files += 1
        self.owned += facts.st_uid == self._own
        if self._may(path, os.R_OK, facts) and self.sample is None and facts.st_size:
            self.sample = path

    def _may(self, path: bytes, wanted: int, facts: os.stat_result) -> bool:
        if os.access(path, wanted, effective_ids=True):
            return True
        self.unreadable_count += 1
        if len(self.unreadable) < MOST_NAMED:
            self.unreadable.append(_of(path, facts))
        return False


def _blocked_at(path: bytes) -> bytes | None:
    """The first folder above the path that may not be entered."""
    above = b"/"
    for part in path.strip(b"/").split(b"/"):
        if os.path.isdir(above) and not os.access(above, os.X_OK, effective_ids=True):
            return above
        above = os.path.join(above, part)
    return None


def _described(path: bytes) -> Unreadable | None:
    try:
        return _of(path, os.stat(path))
    except OSError:
        return None


def _of(path: bytes, facts: os.stat_result) -> Unreadable:
    is_folder = stat.S_ISDIR(facts.st_mode)
    return Unreadable(path, user_name(facts.st_uid), group_name(facts.st_gid), stat.S_IMODE(facts.st_mode), is_folder)


def user_name(uid: int) -> str:
    """A user's name, or the number where there is none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def group_name(gid: int) -> str:
    """A group's name, or the number where there is none."""
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def _disk(root: bytes, sample: bytes | None) -> DiskFacts:
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        mount = mount_of(descriptor, mount_table())
        facts = _on_device(mount, os.fstat(descriptor).st_dev)
    finally:
        os.close(descriptor)
    return facts if sample is None else _try_direct(sample, facts)


def _on_device(mount: Mount | None, device: int) -> DiskFacts:
    number = f"{os.major(device)}:{os.minor(device)}"
    if not os.major(device) and mount is not None and mount.source.startswith("/dev/"):  # btrfs and others count for themselves
        try:
            found = os.stat(mount.source).st_rdev
            number = f"{os.major(found)}:{os.minor(found)}"
        except OSError:
            pass
    kind = "" if mount is None else mount.kind
    folder = os.path.realpath(f"/sys/dev/block/{number}")
    if not os.path.isdir(f"{folder}/queue"):
        folder = os.path.dirname(folder)  # a partition has the queue of its disk
    scheduler = _first_line(f"{folder}/queue/scheduler")
    if scheduler is None:
        return DiskFacts(kind)
    chosen = scheduler.partition("[")[2].partition("]")[0] or scheduler
    is_rotational = _first_line(f"{folder}/queue/rotational") == "1"
    return DiskFacts(kind, device=os.path.basename(folder), scheduler=chosen, is_rotational=is_rotational)


def _first_line(path: str) -> str | None:
    try:
        with open(path, encoding="ascii", errors="replace") as facts:
            return facts.readline().strip()
    except OSError:
        return None


def _try_direct(sample: bytes, facts: DiskFacts) -> DiskFacts:
    try:
        descriptor = os.open(sample, TRY_FLAGS | os.O_DIRECT)
    except OSError as error:
        is_answer = error.errno == errno.EINVAL
        return replace(facts, is_direct=False if is_answer else None, refusal=refusal(error.errno or 0))
    try:
        aligned = direct_alignment(descriptor)
        facts = replace(facts, alignment_bytes=aligned or None, is_compressed=is_compressed(descriptor))
        with mmap.mmap(-1, max(PAGE, aligned or 0)) as area:
            os.preadv(descriptor, [area], 0)
        return replace(facts, is_direct=True)
    except OSError as error:
        return replace(facts, is_direct=False, refusal=refusal(error.errno or 0))
    finally:
        os.close(descriptor)
