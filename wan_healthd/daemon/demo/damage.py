"""What goes wrong with model files, done on purpose."""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from pathlib import Path

from wan_healthd.daemon.samples import flip_one_bit

DAY_S = 86_400


def flip_a_bit(path: Path) -> str:
    """One bit, with the file's time put back, so that nothing in `ls -l` differs; says which."""
    before = path.stat()
    said = flip_one_bit(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    return said


def cut_in_half(path: Path) -> None:
    """As a download leaves it whose client died after it had renamed the file."""
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


def swap(one: Path, other: Path) -> None:
    """Each under the other's name."""
    aside = one.with_name("aside")
    one.rename(aside)
    other.rename(one)
    aside.rename(other)


def replace_by_pointer(path: Path) -> None:
    """What `git clone` leaves without git-lfs: a note of 130 bytes about the file, under its name."""
    oid, size = hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_size
    beside = path.with_name(f".{path.name}.new")
    beside.write_text(f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {size}\n")
    beside.rename(path)


def leave_unfinished(path: Path, days: int) -> None:
    """A download that nobody went on with."""
    path.write_bytes(b"\0" * 300_000)
    then = time.time() - days * DAY_S
    os.utime(path, (then, then))


def put_back(path: Path, intact: Path) -> None:
    """The right bytes again, as a careful downloader brings them: beside it, then renamed."""
    beside = path.with_name(f".{path.name}.new")
    shutil.copyfile(intact, beside)
    beside.rename(path)
