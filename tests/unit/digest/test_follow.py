"""Following real files: what is said of them is what they hold, or nothing is said."""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import mmap
import os
import signal
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.control import until
from wan_healthd.digest.cached_file import CachedFile
from wan_healthd.digest.cues import Cues
from wan_healthd.digest.engine import WorkerEngine
from wan_healthd.digest.follow import MOST_SHORT_LOOKS, Follow
from wan_healthd.digest.growth import GivenUp
from wan_healthd.digest.lease import is_held, read_lease
from wan_healthd.digest.recall import Recall
from wan_healthd.digest.slots import SlotPool
from wan_healthd.digest.storage import Storage
from wan_healthd.domain.digests import BLOCK_BYTES, Algorithm, Assurance
from wan_healthd.domain.errors import WorkerFailed
from wan_healthd.domain.extents import ByteRange
from wan_healthd.domain.ports import BlockRun, ReadOutcome, ReadRequest
from wan_healthd.kernel.filesystem import filesystem_magic
from wan_healthd.kernel.writers import LEASED_FOR_ALL

POOL = SlotPool()
FIRST = hashlib.shake_128(b"first").digest(5 * BLOCK_BYTES)


class Followed:
    """A file with an open writer, and who follows it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.writer = open(path, "wb", buffering=0)  # noqa: SIM115, closed by `close`
        self.reader = os.open(path, os.O_RDONLY)
        if filesystem_magic(self.reader) not in LEASED_FOR_ALL:
            pytest.skip("nothing is followed on this file system")
        self.blocks: list[bytes] = []
        self.pulses: list[int] = []
        self.cues = Cues()
        self.follow = Follow(CachedFile(self.reader, Storage()), POOL, self, self.cues)

    def run(self, run: BlockRun) -> None:
        assert (run.first_block, run.assurance) == (len(self.blocks), Assurance.AS_RECEIVED)
        self.blocks += [run.digests[at : at + 32] for at in range(0, len(run.digests), 32)]

    def pulse(self, bytes_read: int) -> None:
        assert bytes_read <= os.fstat(self.reader).st_size
        self.pulses.append(bytes_read)

    def close(self) -> None:
        self.writer.close()
        os.close(self.reader)

    def asked(self) -> ReadOutcome:
        """What is said as soon as it is asked for."""
        self.cues.give(is_final=True)
        return self.follow.outcome()

    def judged(self) -> bool:
        """Whether anything is said; that must be true."""
        content = self.path.read_bytes()
        try:
            outcome = self.asked()
        except GivenUp:
            return False
        assert outcome.is_stable
        assert outcome.sha256 == hashlib.sha256(content).hexdigest()
        assert self.blocks == [blake3(content[at : at + BLOCK_BYTES]).digest() for at in range(0, len(content), BLOCK_BYTES)]
        assert (outcome.assurance, outcome.bytes_read) == (Assurance.AS_RECEIVED, len(content))
        return True


@pytest.fixture
def followed(tmp_path: Path) -> Iterator[Followed]:
    file = Followed(tmp_path / "file")
    yield file
    file.close()


def test_a_file_that_grows(followed: Followed) -> None:
    for at in range(0, len(FIRST), 700_000):
        followed.writer.write(FIRST[at : at + 700_000])
        followed.follow.look()
    followed.writer.write(b"and a tail")
    followed.path.rename(followed.path.with_name("final"))
    followed.path = followed.path.with_name("final")
    followed.writer.close()
    assert followed.judged()


Deed = tuple[str, int, int]
deeds = st.tuples(
    st.sampled_from(["append", "append", "overwrite", "truncate", "extend", "reserve", "store"]),
    st.integers(0, 4 * BLOCK_BYTES),
    st.integers(1, 255),
)


@settings(max_examples=40)
@given(st.lists(deeds, max_size=8))
def test_whatever_a_writer_does_nothing_wrong_is_said(tmp_path_factory: pytest.TempPathFactory, history: list[Deed]) -> None:
    followed = Followed(tmp_path_factory.mktemp("x") / "file")
    try:
        for deed, number, value in history:
            carry_out(followed.writer.fileno(), deed, number, bytes([value]))
            try:
                followed.follow.look()
                assert followed.follow.judged() is None, "somebody may still write to it"
            except GivenUp:
                return
        followed.writer.close()
        is_judged = followed.judged()
        assert is_judged or any(deed != "append" for deed, *_ in history)
    finally:
        followed.close()
        followed.path.unlink()


def carry_out(writer: int, deed: str, number: int, value: bytes) -> None:
    size = os.fstat(writer).st_size
    match deed:
        case "append":
            os.pwrite(writer, value * number, size)
        case "overwrite":
            os.pwrite(writer, value, min(number, max(0, size - 1)))
        case "truncate":
            os.ftruncate(writer, min(number, size))
        case "extend":
            os.ftruncate(writer, size + number)
        case "reserve":
            os.posix_fallocate(writer, 0, size + number + 1)
        case "store" if size:
            with open(f"/proc/self/fd/{writer}", "r+b") as file, mmap.mmap(file.fileno(), size) as mapping:
                mapping[min(number, size - 1)] = value[0]


def test_space_that_was_reserved_is_followed_as_it_fills(followed: Followed) -> None:
    content = FIRST + b"and a tail"
    os.posix_fallocate(followed.writer.fileno(), 0, len(content))
    for at in range(0, len(content), 700_001):
        os.pwrite(followed.writer.fileno(), content[at : at + 700_001], at)
        followed.follow.look()
    assert followed.pulses[-1] >= len(FIRST) - 2 * BLOCK_BYTES
    followed.writer.close()
    assert followed.judged()


@pytest.fixture
def proven(followed: Followed) -> Iterator[Future[ReadOutcome]]:
    """What will be said of a file that was closed, and proven at once, and that nobody has asked for yet."""
    followed.writer.write(FIRST)
    with ThreadPoolExecutor(1) as threads:
        saying = threads.submit(followed.follow.outcome)
        followed.cues.give(is_final=False)
        until(lambda: {} if followed.pulses[-1:] == [len(FIRST)] else None, "what came in is hashed", every_s=0.01)
        assert not is_held(followed.reader)
        followed.writer.close()
        followed.cues.give(is_final=False)
        until(lambda: {} if is_held(followed.reader) else None, "it is proven", every_s=0.01)
        yield saying
        followed.cues.give(is_final=True)


def test_what_is_closed_is_proven_at_once_and_has_its_last_name_when_it_is_asked_for(
    followed: Followed, proven: Future[ReadOutcome]
) -> None:
    followed.path.rename(followed.path.with_name("final"))
    facts = os.fstat(followed.reader)
    followed.cues.give(is_final=True)
    outcome = proven.result()
    assert outcome.before == outcome.after == (facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns)
    assert (outcome.sha256, len(followed.blocks)) == (hashlib.sha256(FIRST).hexdigest(), 5)
    assert not is_held(followed.reader)


def test_what_is_proven_is_given_up_for_whoever_goes_on_writing(
    followed: Followed, proven: Future[ReadOutcome], no_sigio: None
) -> None:
    with open(followed.path, "ab") as file, pytest.raises(GivenUp, match="wants to write"):
        proven.result()
        file.write(b"more")


def test_what_is_proven_and_removed_is_nobodys_concern(followed: Followed, proven: Future[ReadOutcome]) -> None:
    followed.path.unlink()
    with pytest.raises(GivenUp, match="nobody asks"):
        proven.result()


def test_a_byte_that_is_written_again_is_noticed(followed: Followed) -> None:
    followed.writer.write(FIRST)
    followed.follow.look()
    os.pwrite(followed.writer.fileno(), b"x", BLOCK_BYTES)
    followed.writer.write(FIRST)
    followed.follow.look()
    followed.writer.close()
    with pytest.raises(GivenUp, match="written to again"):
        followed.asked()


def test_an_open_writer_and_a_mapping_are_not_vouched_for(followed: Followed) -> None:
    followed.writer.write(FIRST)
    followed.follow.look()
    with pytest.raises(GivenUp, match="nobody vouches"):
        followed.asked()
    with open(followed.path, "r+b") as other:
        mapping = mmap.mmap(other.fileno(), BLOCK_BYTES)
    followed.writer.close()
    with mapping, pytest.raises(GivenUp, match="nobody vouches"):
        followed.asked()


def test_what_is_not_in_memory_any_more_is_given_up(followed: Followed) -> None:
    followed.writer.write(FIRST)
    os.fsync(followed.writer.fileno())
    os.posix_fadvise(followed.reader, 0, 0, os.POSIX_FADV_DONTNEED)
    follow = Follow(CachedFile(followed.reader, Storage(), most_waits=0), POOL, followed, followed.cues)
    with pytest.raises(GivenUp, match="memory"):
        for _ in range(MOST_SHORT_LOOKS):
            os.posix_fadvise(followed.reader, 0, 0, os.POSIX_FADV_DONTNEED)  # the kernel fetches what was asked for
            follow.look()


def test_a_few_pages_that_are_missing_are_waited_for(followed: Followed) -> None:
    followed.writer.write(FIRST)
    os.fsync(followed.writer.fileno())
    followed.follow.look()
    followed.writer.close()
    os.posix_fadvise(followed.reader, 0, 0, os.POSIX_FADV_DONTNEED)
    with POOL.borrow(1) as (slot,):
        slot.begin(ByteRange(0, BLOCK_BYTES))
        assert CachedFile(followed.reader, Storage(), most_waits=10_000).fill(slot)
        assert slot.content == FIRST[:BLOCK_BYTES]


@pytest.fixture
def no_sigio() -> Iterator[None]:
    """As in the worker."""
    before = signal.signal(signal.SIGIO, signal.SIG_IGN)
    yield
    signal.signal(signal.SIGIO, before)


def test_who_wants_to_write_comes_first(followed: Followed, no_sigio: None) -> None:
    followed.writer.close()
    with read_lease(followed.reader):
        assert is_held(followed.reader)
        with pytest.raises(BlockingIOError):
            os.open(followed.path, os.O_WRONLY | os.O_NONBLOCK)
        assert not is_held(followed.reader)
    assert fcntl.fcntl(followed.reader, fcntl.F_GETLEASE) == fcntl.F_UNLCK
    os.close(os.open(followed.path, os.O_WRONLY))
    with POOL.borrow(1) as (slot,), pytest.raises(GivenUp, match="wants to write"):
        Recall(CachedFile(followed.reader, Storage()), lambda: False).work(slot)


def test_a_worker_that_is_lost_ends_the_following_and_no_more(followed: Followed) -> None:
    lost: list[str] = []

    async def main() -> None:
        engine = WorkerEngine(on_lost=lost.append)
        try:
            begun = asyncio.Event()
            following = asyncio.ensure_future(engine.follow(followed.reader, lambda finish: begun.set(), followed.run))
            await begun.wait()
            assert engine.pid is not None
            os.kill(engine.pid, signal.SIGKILL)
            with pytest.raises(WorkerFailed, match="cannot follow the file"):
                await following
            request = ReadRequest(0, (Algorithm.SHA256,))
            assert (await engine.read(followed.reader, request, followed.run)).sha256 == hashlib.sha256(b"").hexdigest()
        finally:
            await engine.close()

    asyncio.run(main())
    assert len(lost) == 1
