"""Others who use the machine, as processes of sessions of their own: they read a file, or compute.

    python -m tests.support.neighbours mapped FILE PASSES   # through a mapping, cold each time; prints seconds of each pass
    python -m tests.support.neighbours direct FILE PASSES   # past the page cache; likewise
    python -m tests.support.neighbours numpy SECONDS        # one processor's worth of arithmetic; prints rounds per second
    python -m tests.support.neighbours spin SECONDS         # one processor, without numpy; prints nothing

Each is of a session of its own, as a user's programs are beside a service: where the kernel groups processes by session
(autogroup), nice values count only within one.
"""

from __future__ import annotations

import mmap
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.checkout import environment
from tests.support.residency import chill

PIECE_BYTES = 4 << 20
SIDE = 256
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


def mapped(path: Path) -> None:
    """Copy the file out of a mapping, as loaders of safetensors do."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        for start in range(0, len(content), PIECE_BYTES):
            content[start : start + PIECE_BYTES]


def direct(path: Path) -> None:
    """Read the file past the page cache, one request after the other."""
    buffer = mmap.mmap(-1, PIECE_BYTES)
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECT)
    try:
        offset = 0
        while count := os.preadv(descriptor, [buffer], offset):
            offset += count
    finally:
        os.close(descriptor)


READERS: dict[str, Callable[[Path], None]] = {"mapped": mapped, "direct": direct}


def passes(read: Callable[[Path], None], path: Path, count: int) -> Iterator[float]:
    """Seconds of each pass over the file, of which nothing is in memory before."""
    for _ in range(count):
        chill(path)
        began = time.perf_counter()
        read(path)
        yield time.perf_counter() - began


def arithmetic(seconds: float) -> float:
    """Rounds per second of what generations do on processors: products of matrices, and element by element."""
    import numpy as np

    one = np.full((SIDE, SIDE), 0.5, np.float32)
    rounds, began = 0, time.perf_counter()
    while time.perf_counter() - began < seconds:
        np.tanh(one @ one / SIDE)
        rounds += 1
    return rounds / (time.perf_counter() - began)


def spin(seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        pass


@contextmanager
def neighbour(*words: str | Path) -> Iterator[subprocess.Popen[str]]:
    """One of them, which ends with the block at the latest."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.support.neighbours", *words],
        stdout=subprocess.PIPE,
        text=True,
        env={**environment(), **ONE_THREAD},
        start_new_session=True,
    ) as started:
        try:
            yield started
        finally:
            started.kill()


def main(kind: str, *words: str) -> None:
    if kind in READERS:
        print(*passes(READERS[kind], Path(words[0]), int(words[1])))
    elif kind == "numpy":
        print(arithmetic(float(words[0])))
    else:
        spin(float(words[0]))


if __name__ == "__main__":
    main(*sys.argv[1:])
