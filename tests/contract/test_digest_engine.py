"""What every DigestEngine keeps to: the one with a worker process, and the fake."""

from __future__ import annotations

import asyncio
import hashlib
import os
import threading
import zlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest
from blake3 import blake3

from tests.fakes.digest_engine import FakeDigestEngine
from tests.fakes.misreading import MisreadingEngine
from tests.fakes.safetensors_files import sample
from tests.fakes.torch_files import RECORDS, mixed_archive
from wan_healthd.digest.engine import WorkerEngine
from wan_healthd.domain.digests import BLOCK_BYTES, Algorithm
from wan_healthd.domain.errors import WorkerFailed, WorkerRefused
from wan_healthd.domain.evidence import Section
from wan_healthd.domain.extents import ByteRange
from wan_healthd.domain.ports import BlockRun, DigestEngine, ReadMode, ReadRequest

T = TypeVar("T")
MIB = 1 << 20
SIZES = [0, 1, 4095, 4096, 4097, MIB - 1, MIB, MIB + 1, 4 * MIB, 4 * MIB + 1, 9 * MIB + 123]
BOTH = (Algorithm.SHA256, Algorithm.BLAKE3_1M)


def worker_engine() -> DigestEngine:
    return WorkerEngine(on_lost=lambda reason: pytest.fail(f"the worker was lost: {reason}"))


def undisturbed_engine() -> DigestEngine:
    return MisreadingEngine(FakeDigestEngine())


ENGINES: list[Callable[[], DigestEngine]] = [worker_engine, FakeDigestEngine, undisturbed_engine]


@pytest.fixture(params=ENGINES)
def make_engine(request: pytest.FixtureRequest) -> Callable[[], DigestEngine]:
    chosen: Callable[[], DigestEngine] = request.param
    return chosen


class OpenFile:
    """A file on disk, open for reading, with the runs that were reported of it."""

    def __init__(self, path: Path, content: bytes) -> None:
        path.write_bytes(content)
        self.path = path
        self.size_bytes = len(content)
        self.descriptor = os.open(path, os.O_RDONLY)
        self.runs: list[BlockRun] = []

    def request(self, *algorithms: Algorithm, blocks: tuple[tuple[int, int], ...] | None = None) -> ReadRequest:
        return ReadRequest(self.size_bytes, algorithms or BOTH, blocks=blocks)

    @property
    def digests(self) -> dict[int, bytes]:
        """By block; fails where a block was reported twice or out of order."""
        found = [
            (run.first_block + index, run.digests[index * 32 : index * 32 + 32])
            for run in self.runs
            for index in range(len(run.digests) // 32)
        ]
        assert [block for block, _ in found] == sorted({block for block, _ in found})
        return dict(found)


def pattern(size_bytes: int) -> bytes:
    return hashlib.shake_128(b"%d" % size_bytes).digest(size_bytes)


def git_sha1(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def block_digests(content: bytes) -> dict[int, bytes]:
    return {
        offset // BLOCK_BYTES: blake3(content[offset : offset + BLOCK_BYTES]).digest()
        for offset in range(0, len(content), BLOCK_BYTES)
    }


@pytest.fixture
def put(tmp_path: Path, request: pytest.FixtureRequest) -> Callable[[bytes], OpenFile]:
    def make(content: bytes) -> OpenFile:
        file = OpenFile(tmp_path / f"file-{len(os.listdir(tmp_path))}", content)
        request.addfinalizer(lambda: os.close(file.descriptor))
        return file

    return make


def use(make_engine: Callable[[], DigestEngine], work: Callable[[DigestEngine], Awaitable[T]]) -> T:
    """What `work` makes of an engine that is closed afterwards."""

    async def main() -> T:
        engine = make_engine()
        try:
            return await work(engine)
        finally:
            await engine.close()

    return asyncio.run(main())


@pytest.fixture
def engine_of(make_engine: Callable[[], DigestEngine]) -> Callable[[Callable[[DigestEngine], Awaitable[T]]], T]:
    return lambda work: use(make_engine, work)


Use = Callable[[Callable[[DigestEngine], Awaitable[T]]], T]
Put = Callable[[bytes], OpenFile]


def test_digests_are_right_at_every_size(engine_of: Use[None], put: Put) -> None:
    async def work(engine: DigestEngine) -> None:
        for size in SIZES:
            content = pattern(size)
            file = put(content)
            outcome = await engine.read(file.descriptor, file.request(), file.runs.append)
            facts = os.stat(file.path)
            assert (outcome.sha256, outcome.git_sha1) == (hashlib.sha256(content).hexdigest(), None)
            assert file.digests == block_digests(content)
            assert outcome.before == outcome.after == (facts.st_ino, size, facts.st_mtime_ns, facts.st_ctime_ns)
            assert (outcome.bytes_read, outcome.unreadable, outcome.errno_name) == (size, (), None)
            assert not outcome.all_zero
            assert {run.assurance for run in file.runs} <= {outcome.assurance}

    engine_of(work)


@pytest.mark.parametrize("algorithm", BOTH)
def test_only_what_is_wanted_is_computed(engine_of: Use[None], put: Put, algorithm: Algorithm) -> None:
    async def work(engine: DigestEngine) -> None:
        for size in (MIB + 1, 9 * MIB + 123):
            content = pattern(size)
            file = put(content)
            outcome = await engine.read(file.descriptor, file.request(algorithm), file.runs.append)
            wants_sha256 = algorithm is Algorithm.SHA256
            assert outcome.sha256 == (hashlib.sha256(content).hexdigest() if wants_sha256 else None)
            assert file.digests == ({} if wants_sha256 else block_digests(content))

    engine_of(work)


@pytest.mark.parametrize("algorithms", [(Algorithm.GIT_SHA1,), tuple(Algorithm)], ids=["alone", "beside the others"])
def test_a_file_is_named_as_git_names_it(engine_of: Use[None], put: Put, algorithms: tuple[Algorithm, ...]) -> None:
    async def work(engine: DigestEngine) -> None:
        for size in SIZES:
            content = pattern(size)
            file = put(content)
            outcome = await engine.read(file.descriptor, file.request(*algorithms), file.runs.append)
            assert outcome.git_sha1 == git_sha1(content)
            assert (outcome.sha256 is None) == (Algorithm.SHA256 not in algorithms)
            assert (outcome.bytes_read, outcome.unreadable) == (size, ())

    engine_of(work)


def test_the_name_is_that_of_the_git_book(engine_of: Use[None], put: Put) -> None:
    """Section 10.2, `git hash-object`."""
    file = put(b"test content\n")

    async def work(engine: DigestEngine) -> None:
        outcome = await engine.read(file.descriptor, file.request(Algorithm.GIT_SHA1), file.runs.append)
        assert outcome.git_sha1 == "d670460b4b4aece5915caf5c68d12f560a9fe3e4"

    engine_of(work)


def test_git_names_whole_files_only(engine_of: Use[None], put: Put) -> None:
    file = put(pattern(5 * MIB))

    async def work(engine: DigestEngine) -> None:
        asked = ReadRequest(file.size_bytes, tuple(Algorithm), blocks=((0, 1),))
        assert (await engine.read(file.descriptor, asked, file.runs.append)).git_sha1 is None
        short = ReadRequest(file.size_bytes + 1, tuple(Algorithm))
        assert (await engine.read(file.descriptor, short, file.runs.append)).git_sha1 is None

    engine_of(work)


def test_runs_of_blocks_are_read_alone(engine_of: Use[None], put: Put) -> None:
    content = pattern(12 * MIB + 5)
    file = put(content)

    async def work(engine: DigestEngine) -> None:
        for blocks in (((0, 1), (2, 9), (12, 13)), ((3, 4),), ((12, 99),), ()):
            file.runs.clear()
            outcome = await engine.read(file.descriptor, file.request(blocks=blocks), file.runs.append)
            wanted = {block for first, end in blocks for block in range(first, min(end, 13))}
            assert file.digests == {block: digest for block, digest in block_digests(content).items() if block in wanted}
            assert outcome.sha256 is None
            assert outcome.bytes_read == sum(5 if block == 12 else MIB for block in wanted)

    engine_of(work)


@pytest.mark.parametrize("blocks", [((2, 2),), ((3, 1),), ((4, 5), (1, 2)), ((0, 3), (2, 4)), ((-1, 2),)])
def test_senseless_runs_of_blocks_are_refused(engine_of: Use[None], put: Put, blocks: tuple[tuple[int, int], ...]) -> None:
    file = put(pattern(9 * MIB))

    async def work(engine: DigestEngine) -> None:
        with pytest.raises(WorkerRefused) as refusal:
            await engine.read(file.descriptor, file.request(blocks=blocks), file.runs.append)
        assert refusal.value.errno_name == "EINVAL"

    engine_of(work)


@pytest.mark.parametrize("size", [1, 4097, 5 * MIB])
def test_zeros_are_noticed(engine_of: Use[None], put: Put, size: int) -> None:
    async def work(engine: DigestEngine) -> None:
        for algorithms in (BOTH, BOTH[:1], BOTH[1:]):
            zeros, nearly = put(bytes(size)), put(bytes(size - 1) + b"\1")
            assert (await engine.read(zeros.descriptor, zeros.request(*algorithms), zeros.runs.append)).all_zero
            assert not (await engine.read(nearly.descriptor, nearly.request(*algorithms), nearly.runs.append)).all_zero

    engine_of(work)


@pytest.mark.parametrize("size", [100, 6 * MIB + 100])
def test_a_file_shorter_than_the_caller_thinks_is_read_to_its_end(engine_of: Use[None], put: Put, size: int) -> None:
    content = pattern(size)
    file = put(content)

    async def work(engine: DigestEngine) -> None:
        request = ReadRequest(size + 40 * MIB, BOTH)
        outcome = await engine.read(file.descriptor, request, file.runs.append)
        assert outcome.sha256 is None
        assert (outcome.bytes_read, outcome.unreadable) == (size, ())
        whole = size // MIB
        assert file.digests == {block: digest for block, digest in block_digests(content).items() if block < whole}

    engine_of(work)


@pytest.mark.parametrize("mode", ReadMode)
def test_every_mode_reads_the_same(engine_of: Use[None], put: Put, mode: ReadMode) -> None:
    content = pattern(5 * MIB)
    file = put(content)

    async def work(engine: DigestEngine) -> None:
        outcome = await engine.read(file.descriptor, ReadRequest(len(content), BOTH, mode=mode), file.runs.append)
        assert outcome.sha256 == hashlib.sha256(content).hexdigest()

    engine_of(work)


def test_files_are_read_side_by_side(engine_of: Use[None], put: Put) -> None:
    contents = [pattern(size) for size in (*SIZES, *SIZES)]
    files = [put(content) for content in contents]

    async def work(engine: DigestEngine) -> None:
        outcomes = await asyncio.gather(*(engine.read(item.descriptor, item.request(), item.runs.append) for item in files))
        assert [outcome.sha256 for outcome in outcomes] == [hashlib.sha256(content).hexdigest() for content in contents]
        assert [file.digests for file in files] == [block_digests(content) for content in contents]

    engine_of(work)


def test_headers_are_judged_before_and_after_a_read(engine_of: Use[None], put: Put) -> None:
    content = sample(1, 3 * MIB, 12)
    file, cut = put(content), put(content[:-1])

    async def work(engine: DigestEngine) -> None:
        facts = await engine.header(file.descriptor, "safetensors")
        assert (facts.fault, facts.tensor_count, facts.declared_bytes) == (None, 12, len(content))
        await engine.read(file.descriptor, file.request(), file.runs.append)
        assert await engine.header(file.descriptor, "safetensors") == facts
        fault = (await engine.header(cut.descriptor, "safetensors")).fault
        assert fault is not None
        assert fault.code == "truncated"

    engine_of(work)


def test_headers_are_the_same_from_the_disk_itself(engine_of: Use[None], put: Put) -> None:
    async def work(engine: DigestEngine) -> None:
        for content in (sample(1, 3 * MIB, 12), sample(2, 9000, 2)[:-1], bytes(8), b"", mixed_archive()):
            file, name = put(content), "torch" if content.startswith(b"PK") else "safetensors"
            facts = await engine.header(file.descriptor, name)
            for from_disk in (True, False):
                assert await engine.header(file.descriptor, name, from_disk=from_disk) == facts
            assert (await engine.read(file.descriptor, file.request(), file.runs.append)).is_stable

    engine_of(work)


def test_headers_of_every_length_are_read(engine_of: Use[None], put: Put) -> None:
    async def work(engine: DigestEngine) -> None:
        for content in (b"", b"1234567", bytes(8), (4096).to_bytes(8, "little") + b" " * 4096):
            file = put(content)
            assert (await engine.header(file.descriptor, "safetensors")).fault is not None
        for padding in (0, 4096 - 8 - 2, 4096 - 2, 100_000):
            file = put((padding + 2).to_bytes(8, "little") + b"{}" + b" " * padding)
            assert (await engine.header(file.descriptor, "safetensors")).fault is None

    engine_of(work)


def test_tensors_are_named_by_a_packed_header(engine_of: Use[None], put: Put) -> None:
    file = put(sample(2, 3 * MIB, 12))

    async def work(engine: DigestEngine) -> None:
        facts = await engine.header(file.descriptor, "safetensors")
        assert facts.packed_header is not None
        assert facts.payload_offset is not None
        first = ByteRange(facts.payload_offset, 1)
        touched = await engine.locate("safetensors", facts.packed_header, [first])
        assert (touched.names, touched.total, touched.in_header) == (("blocks.0.self_attn.q.weight",), 1, False)
        assert (await engine.locate("safetensors", facts.packed_header, [ByteRange(0, 8)])).in_header

    engine_of(work)


@pytest.mark.parametrize("packed", [b"", b"not packed", pattern(6 * MIB)])
def test_a_broken_packed_header_is_refused(engine_of: Use[None], packed: bytes) -> None:
    async def work(engine: DigestEngine) -> None:
        with pytest.raises(WorkerRefused) as refusal:
            await engine.locate("safetensors", packed, [ByteRange(0, 1)])
        assert refusal.value.errno_name == "EBADMSG"

    engine_of(work)


def test_an_unknown_format_is_refused(engine_of: Use[None], put: Put) -> None:
    file = put(b"x")

    async def work(engine: DigestEngine) -> None:
        with pytest.raises(WorkerRefused) as refusal:
            await engine.header(file.descriptor, "nonsense")
        assert refusal.value.errno_name == "ENOTSUP"

    engine_of(work)


def test_what_cannot_be_read_is_refused_with_the_systems_error(engine_of: Use[None], tmp_path: Path) -> None:
    folder = os.open(tmp_path, os.O_RDONLY)

    async def work(engine: DigestEngine) -> None:
        for descriptor, expected in ((folder, "EISDIR"), (9999, "EBADF")):
            with pytest.raises(WorkerRefused) as refusal:
                await engine.read(descriptor, ReadRequest(100, BOTH), lambda run: None)
            assert refusal.value.errno_name == expected
            assert refusal.value.message.startswith("cannot ")

    try:
        engine_of(work)
    finally:
        os.close(folder)


def test_what_on_run_raises_ends_that_read_only(engine_of: Use[None], put: Put) -> None:
    content = pattern(2 * MIB)
    file = put(content)

    def fail(run: BlockRun) -> None:
        raise LookupError("the caller's own mistake")

    async def work(engine: DigestEngine) -> None:
        with pytest.raises(LookupError):
            await engine.read(file.descriptor, file.request(), fail)
        outcome = await engine.read(file.descriptor, file.request(), file.runs.append)
        assert outcome.sha256 == hashlib.sha256(content).hexdigest()

    engine_of(work)


def sections_of(content: bytes) -> tuple[Section, ...]:
    """Of three parts that lie across chunks and blocks."""
    parts = ((0, 10), (10, 5 * MIB), (6 * MIB, len(content) - 6 * MIB))
    return tuple(Section("", offset, length, zlib.crc32(content[offset : offset + length])) for offset, length in parts)


@pytest.mark.parametrize("damaged", [(), (0,), (1, 2)])
def test_sections_are_checked_on_the_way(engine_of: Use[None], put: Put, damaged: tuple[int, ...]) -> None:
    content = pattern(9 * MIB + 123)
    sections = sections_of(content)
    harmed = bytearray(content)
    for index in damaged:
        harmed[sections[index].offset + sections[index].length - 1] ^= 1
    file = put(bytes(harmed))

    async def work(engine: DigestEngine) -> None:
        request = ReadRequest(file.size_bytes, BOTH, sections=sections)
        outcome = await engine.read(file.descriptor, request, file.runs.append)
        assert outcome.bad_sections == damaged
        assert outcome.sha256 == hashlib.sha256(harmed).hexdigest()
        assert file.digests == block_digests(bytes(harmed))

    engine_of(work)


def test_an_archive_is_checked_by_what_it_says_itself(engine_of: Use[None], put: Put) -> None:
    content = mixed_archive({**RECORDS, "a/data/2": pattern(5 * MIB), "a/data/3": pattern(5 * MIB)})
    file = put(content)

    async def work(engine: DigestEngine) -> None:
        facts = await engine.header(file.descriptor, "torch")
        assert (facts.format, facts.fault, len(facts.sections)) == ("torch-zip", None, len(RECORDS) + 2)
        assert {section.is_deflated for section in facts.sections} == {False, True}
        for index, section in enumerate(facts.sections):
            harmed = bytearray(content)
            harmed[section.offset + section.length // 2] ^= 0x10
            other = put(bytes(harmed))
            request = ReadRequest(len(content), (Algorithm.SHA256,), sections=facts.sections)
            assert (await engine.read(other.descriptor, request, other.runs.append)).bad_sections == (index,)
        assert facts.packed_header is not None
        touched = await engine.locate(facts.format, facts.packed_header, [ByteRange(facts.sections[-1].offset, 1)])
        assert touched.names == ("a/data/3",)

    engine_of(work)


def test_senseless_sections_are_refused(engine_of: Use[None], put: Put) -> None:
    content = pattern(9 * MIB)
    file = put(content)
    sections = sections_of(content)

    async def work(engine: DigestEngine) -> None:
        for request in (
            ReadRequest(len(content), BOTH, sections=sections[::-1]),
            ReadRequest(len(content) - 1, BOTH, sections=sections),
            ReadRequest(len(content), BOTH, blocks=((0, 1),), sections=sections),
        ):
            with pytest.raises(WorkerRefused) as refusal:
                await engine.read(file.descriptor, request, file.runs.append)
            assert refusal.value.errno_name == "EINVAL"

    engine_of(work)


def test_a_closed_engine_fails(make_engine: Callable[[], DigestEngine], put: Put) -> None:
    file = put(b"x")

    async def main() -> None:
        engine = make_engine()
        await engine.close()
        await engine.close()
        with pytest.raises(WorkerFailed):
            await engine.read(file.descriptor, file.request(), file.runs.append)
        with pytest.raises(WorkerFailed):
            await engine.header(file.descriptor, "safetensors")

    asyncio.run(main())


def test_the_event_loop_may_run_in_any_thread(engine_of: Use[None], put: Put) -> None:
    content = pattern(5 * MIB)
    file = put(content)
    found: list[str | None] = []

    async def work(engine: DigestEngine) -> None:
        found.append((await engine.read(file.descriptor, file.request(), file.runs.append)).sha256)

    thread = threading.Thread(target=engine_of, args=(work,))
    thread.start()
    thread.join()
    assert found == [hashlib.sha256(content).hexdigest()]
