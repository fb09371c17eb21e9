"""What reads are held against: direct reads without hashing, hashes without reads, a plain copy, and programs of others."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from blake3 import blake3

from tests.support.residency import chill
from wan_healthd.digest.plan import CHUNK_BYTES as SLOT_BYTES
from wan_healthd.digest.slots import Slot
from wan_healthd.domain.digests import BLOCK_BYTES

RAW_THREADS, RAW_BYTES = 8, 4 << 20
FIO = "fio --name=raw --readonly --rw=read --direct=1 --bs=1m --ioengine=libaio --iodepth=16 --output-format=json"
HUGE_PAGES = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}


class Timed(NamedTuple):
    """Bytes, and the seconds that they took without what was before and after."""

    size_bytes: int
    wall_s: float


def read_raw(path: Path) -> int:
    """Past the page cache, into large pages, without a look at the bytes."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECT)
    size_bytes = os.fstat(descriptor).st_size
    offsets = iter(range(0, size_bytes, RAW_BYTES))
    turn = threading.Lock()
    counts = []

    def read() -> None:
        memory = [Slot().memory for _ in range(RAW_BYTES // SLOT_BYTES)]
        while True:
            with turn:
                offset = next(offsets, None)
            if offset is None:
                return
            counts.append(os.preadv(descriptor, memory, offset))

    threads = [threading.Thread(target=read) for _ in range(RAW_THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    os.close(descriptor)
    if sum(counts) != size_bytes:
        raise RuntimeError("the reference did not read the whole file")
    return size_bytes


def hash_memory(memory: memoryview, piece_bytes: int, update: Callable[[memoryview], object]) -> int:
    for start in range(0, len(memory), piece_bytes):
        update(memory[start : start + piece_bytes])
    return len(memory)


def hash_two_in_memory(memory: memoryview) -> int:
    """SHA-256 and block digests of two files at once: what the processor lets two first reads reach on any disk."""
    works = [partial(hash_memory, memory, RAW_BYTES, hashlib.sha256().update) for _ in range(2)]
    works += [partial(hash_memory, memory, BLOCK_BYTES, lambda data: blake3(data).digest()) for _ in range(2)]
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return 2 * len(memory)


def read_naively(path: Path) -> int:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(BLOCK_BYTES):
            digest.update(piece)
    return path.stat().st_size


def run_peer(command: str, path: Path) -> int:
    subprocess.run([*command.split(), path], stdout=subprocess.DEVNULL, check=True)
    return path.stat().st_size


def run_fio(path: Path) -> Timed:
    """Its start takes longer than its work may."""
    environment = {**os.environ, **HUGE_PAGES}
    done = subprocess.run([*FIO.split(), f"--filename={path}"], capture_output=True, check=True, env=environment)
    read = json.loads(done.stdout)["jobs"][0]["read"]
    return Timed(read["io_bytes"], read["runtime"] / 1e3)


def copy(path: Path) -> Timed:
    """The copy, which nobody else is to wait for, is on the disk and gone when this returns."""
    other = path.with_name("copy")
    began = time.perf_counter()
    subprocess.run(["cp", "--reflink=never", path, other], check=True)
    wall_s = time.perf_counter() - began
    chill(other)
    other.unlink()
    return Timed(path.stat().st_size, wall_s)
