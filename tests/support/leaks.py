"""Whatever a test starts or opens is gone when it ends: threads, processes (also orphaned ones) and descriptors."""

from __future__ import annotations

import ctypes
import gc
import os
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

import psutil
import pytest

GRACE_S = 2.0
POLL_S = 0.02
PR_SET_CHILD_SUBREAPER = 36


class Descriptor(NamedTuple):
    """An open file by what it is, since its name may change while it is open."""

    number: int
    device: int
    inode: int


class Holdings(NamedTuple):
    """What this process holds at one moment."""

    threads: frozenset[threading.Thread]
    children: frozenset[psutil.Process]
    descriptors: frozenset[Descriptor]

    def beyond(self, before: Holdings) -> Holdings:
        """What was not held before."""
        return Holdings(self.threads - before.threads, self.children - before.children, self.descriptors - before.descriptors)

    def __bool__(self) -> bool:
        return any(self)

    def names(self) -> list[str]:
        """A line for each thing that is held."""
        return [
            *(f"thread {thread.name}" for thread in self.threads),
            *(f"process {child.pid}: {command_of(child)}" for child in self.children),
            *(f"descriptor {item.number}: {target_of(item)}" for item in self.descriptors),
        ]


def command_of(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline()) or process.name()
    except psutil.Error:
        return "just ended"


def target_of(descriptor: Descriptor) -> str:
    try:
        return os.readlink(f"/proc/self/fd/{descriptor.number}")
    except OSError:
        return "just closed"


def open_descriptors() -> Iterator[Descriptor]:
    for name in os.listdir("/proc/self/fd"):
        with suppress(OSError):  # the listing's own descriptor is closed by now
            status = os.fstat(int(name))
            yield Descriptor(int(name), status.st_dev, status.st_ino)


def look() -> Holdings:
    return Holdings(
        threads=frozenset(threading.enumerate()),
        children=frozenset(psutil.Process().children()),
        descriptors=frozenset(open_descriptors()),
    )


def reap(children: frozenset[psutil.Process]) -> None:
    """Take leave of orphans that ended: a process that is over is no leak, and nobody else will wait for it."""
    for child in children:
        with suppress(psutil.Error, ChildProcessError):
            if child.status() == psutil.STATUS_ZOMBIE:
                os.waitpid(child.pid, os.WNOHANG)


def left_behind(before: Holdings) -> Holdings:
    """What is still held beyond `before` after a short grace."""
    deadline = time.monotonic() + GRACE_S
    left = look().beyond(before)
    while left and time.monotonic() < deadline:
        gc.collect()
        reap(left.children)
        time.sleep(POLL_S)
        left = look().beyond(before)
    return left


@pytest.fixture(scope="session", autouse=True)
def orphans_come_home() -> None:
    """Makes orphaned grandchildren our children, so that a worker that outlives its daemon is seen."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


@pytest.fixture(autouse=True)
def no_leaks(orphans_come_home: None) -> Iterator[None]:
    """Fails a test that leaves threads, processes or descriptors behind, and ends those processes."""
    before = look()
    yield
    left = left_behind(before)
    if left:
        names = left.names()
        for child in left.children:
            with suppress(psutil.NoSuchProcess):
                child.kill()
        pytest.fail("the test left behind: " + "; ".join(sorted(names)), pytrace=False)
