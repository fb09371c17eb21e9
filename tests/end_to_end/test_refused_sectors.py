"""A disk that refuses single sectors, as the confined worker meets it: the system calls themselves fail, whatever is below.

strace counts the calls of each thread of the worker: each reader's Nth read fails, which is a chunk, and so does one more soon
after, which is a sector of that chunk, since each is then asked for by itself. Which ones these were is known from its log.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from blake3 import blake3

from tests.support.programs import needs
from wan_healthd.digest.engine import WorkerEngine
from wan_healthd.domain.digests import BLOCK_BYTES, Algorithm
from wan_healthd.domain.extents import ByteRange, merge
from wan_healthd.domain.ports import BlockRun, ReadOutcome, ReadRequest

CHUNK_BYTES, SECTOR_BYTES = 2 << 20, 4096
CONTENT = hashlib.shake_128(b"sectors").digest(10 * BLOCK_BYTES + 5000)
READS = "preadv,preadv2"
SECTORS_OF_A_CHUNK = CHUNK_BYTES // SECTOR_BYTES
INJECTED = re.compile(r"iov_len=(\d+)\}\], 1, (\d+).* = -1 EIO .*\(INJECTED\)$")
ATTACH_S = 20.0


class Told(NamedTuple):
    """What the engine said of a read."""

    outcome: ReadOutcome
    digests: dict[int, bytes]


@contextmanager
def failing_reads(pid: int, path: Path, when: str, log: Path) -> Iterator[None]:
    """The process's reads of `path` are refused while this lasts; `when` is strace's."""
    inject = ["-e", f"trace={READS}", "-e", f"inject={READS}:error=EIO:when={when}"]
    command = ["strace", "-f", "-p", str(pid), "-P", str(path), *inject, "-o", str(log)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = process.stderr.readline()
        try:
            if "attached" not in said:
                pytest.skip(f"strace cannot attach to the worker here: {said.strip()}")
            yield
        finally:
            process.terminate()


async def read(path: Path, when: str, log: Path) -> Told:
    digests: dict[int, bytes] = {}

    def hear(run: BlockRun) -> None:
        for place, block in enumerate(range(run.first_block, run.end_block)):
            digests[block] = run.digests[place * 32 : place * 32 + 32]

    engine = WorkerEngine(on_lost=pytest.fail)
    request = ReadRequest(len(CONTENT), (Algorithm.SHA256, Algorithm.BLAKE3_1M))
    try:
        with path.open("rb") as file:
            await engine.header(file.fileno(), "onnx")  # so that there is a worker
        assert engine.pid is not None
        with path.open("rb") as file, failing_reads(engine.pid, path, when, log):
            outcome = await asyncio.wait_for(engine.read(file.fileno(), request, hear), ATTACH_S)
    finally:
        await engine.close()
    return Told(outcome, digests)


def refused(log: Path) -> list[ByteRange]:
    """The sectors that strace refused, by its log: of a call that takes two lines the second has all that counts."""
    found = [(int(offset), int(length)) for line in log.read_text().splitlines() for length, offset in INJECTED.findall(line)]
    return [ByteRange(offset, min(length, len(CONTENT) - offset)) for offset, length in found if length == SECTOR_BYTES]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may trace a confined process")
@pytest.mark.parametrize(
    "when",
    [
        pytest.param("1..2+1", id="the first sector"),
        pytest.param(f"2..{2 + SECTORS_OF_A_CHUNK}+{SECTORS_OF_A_CHUNK}", id="the last sector"),
        pytest.param("1+", id="all"),
    ],
)
def test_exactly_the_refused_sectors_are_told_and_all_other_blocks_are_verified(tmp_path: Path, when: str) -> None:
    needs("strace")
    path, log = tmp_path / "file", tmp_path / "log"
    path.write_bytes(CONTENT)
    outcome, digests = asyncio.run(read(path, when, log))
    sectors = refused(log)
    assert sectors, log.read_text()
    assert outcome.unreadable == tuple(merge(sectors))
    assert (outcome.errno_name, outcome.bytes_read) == ("EIO", len(CONTENT) - sum(sector.length for sector in sectors))
    lost = {sector.offset // BLOCK_BYTES for sector in sectors}
    blocks = set(range(-(-len(CONTENT) // BLOCK_BYTES))) - lost
    assert digests == {block: blake3(CONTENT[block * BLOCK_BYTES : (block + 1) * BLOCK_BYTES]).digest() for block in blocks}
