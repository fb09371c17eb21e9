"""The files beside the database: their names, and how they are put in place for good."""

from __future__ import annotations

import contextlib
import os
import shutil
from datetime import datetime

WITH_IT = (b"", b"-wal", b"-shm")
"""Endings of the files that make up one database of SQLite's."""

KEPT_ASIDE = 5
"""States set aside that are kept at most; each is as large as the state was. Beyond it the oldest goes."""

_TIME = "%Y%m%dT%H%M%SZ"


def good_copy_of(file: bytes) -> bytes:
    """Where the last good copy lies."""
    return file + b".good"


def lock_of(file: bytes) -> bytes:
    """The file that is locked; it holds a word as soon as a state was begun beside it."""
    return file + b".lock"


def set_aside(file: bytes, why: str, now: datetime) -> bytes:
    """Give the database and its log another name, for somebody to look into; returns the name. No bytes are copied.

    Raises:
        OSError: the folder cannot be written.
    """
    base = file + f".{why}-{now.strftime(_TIME)}".encode()
    name, number = base, 1
    while os.path.lexists(name):
        number += 1
        name = base + b"-%d" % number
    for ending in WITH_IT:
        with contextlib.suppress(FileNotFoundError):
            os.rename(file + ending, name + ending)
    _forget_oldest(file, why)
    sync_folder(file)
    return name


def put_in_place(draft: bytes, file: bytes) -> None:
    """Rename a finished file to its place so that a power cut leaves the old one or the new one, never half of either."""
    descriptor = os.open(draft, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    os.rename(draft, file)
    sync_folder(file)


def copy_private(source: bytes, target: bytes) -> None:
    """Copy a file's bytes into a new file that is its owner's alone; what stood at `target` goes, with its log."""
    remove(target)
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    with open(descriptor, "wb") as copy, open(source, "rb") as original:
        shutil.copyfileobj(original, copy, 1 << 20)


def remove(file: bytes) -> None:
    """Remove a database of ours that nobody needs, with its log."""
    for ending in WITH_IT:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(file + ending)


def inode_of(file: bytes) -> tuple[int, int] | None:
    """Which file this is; None if it cannot be told."""
    try:
        facts = os.stat(file)
    except OSError:
        return None
    return facts.st_dev, facts.st_ino


def sync_folder(file: bytes) -> None:
    """Have the folder's entries reach the disk."""
    folder = os.open(os.path.dirname(file) or b".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _forget_oldest(file: bytes, why: str) -> None:
    folder, prefix = os.path.dirname(file), os.path.basename(file) + f".{why}-".encode()
    names = sorted(name for name in os.listdir(folder or b".") if name.startswith(prefix) and not name.endswith(WITH_IT[1:]))
    for name in names[:-KEPT_ASIDE]:
        remove(os.path.join(folder, name))
