"""Doubts before a first word: bytes that contradict what is said of them are read twice, and young files wait."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from msgspec.structs import replace

from tests.fakes.hub import git_sha1
from tests.fakes.torch_files import archive
from tests.fakes.workshop import Workshop
from tests.unit.services.scenario import FILE, MODEL, OTHER, PLAIN, WEIGHTS, play
from wan_healthd.domain.evidence import Claim, HeaderFacts
from wan_healthd.domain.extents import ByteRange
from wan_healthd.domain.files import VerifiedBy
from wan_healthd.domain.ports import BlockRun, DigestEngine, ReadOutcome, ReadRequest, TouchedTensors
from wan_healthd.domain.verdicts import HealthStatus
from wan_healthd.services.inspect import CLOCK_TICK_S
from wan_healthd.services.passes import Subject
from wan_healthd.services.queue import Priority, Task, Ticket
from wan_healthd.services.reading import ContentReader, Reading
from wan_healthd.services.settle import QUIET_S
from wan_healthd.store import contents

ZIP = "flux/w.pth"
BIG = bytes(range(256)) * 20
ARCHIVE = archive({"a/data.pkl": b"\x80\x02}q\x00.", "a/data/0": BIG, "a/data/1": BIG[::-1], "a/version": b"3\n"})
BROKEN_AT = ARCHIVE.index(BIG[::-1]) + 99
BROKEN = ARCHIVE[:BROKEN_AT] + b"\xff" + ARCHIVE[BROKEN_AT + 1 :]
SECTION_1 = 2
"""Its number among the sections."""

Lies = Sequence[dict[str, Any]]
"""What the end of each whole read in turn says instead of the truth."""


class LyingEngine:
    """A DigestEngine between us and another one; `whole_reads` counts."""

    def __init__(self, engine: DigestEngine, lies: Lies) -> None:
        self._engine = engine
        self._lies = list(lies)
        self.whole_reads = 0

    async def read(self, descriptor: int, request: ReadRequest, on_run: Callable[[BlockRun], None]) -> ReadOutcome:
        outcome = await self._engine.read(descriptor, request, on_run)
        if request.blocks is not None:
            return outcome
        self.whole_reads += 1
        return replace(outcome, **self._lies.pop(0)) if self._lies else outcome

    async def header(self, descriptor: int, format_name: str, *, from_disk: bool = False) -> HeaderFacts:
        return await self._engine.header(descriptor, format_name, from_disk=from_disk)

    async def locate(self, format_name: str, packed_header: bytes, ranges: Sequence[ByteRange]) -> TouchedTensors:
        return await self._engine.locate(format_name, packed_header, ranges)

    async def close(self) -> None:
        await self._engine.close()


class Outcome(NamedTuple):
    """What came of a first read."""

    reading: Reading
    whole_reads: int
    is_kept: bool
    """Whether what was read becomes the content's own."""

    @property
    def bad_sections(self) -> list[str]:
        assert self.reading.content is not None
        return [section.name for section in self.reading.content.bad_sections]


def first_read(folder: Path, name: str, content: bytes, *, claims: Sequence[Claim] = (), lies: Lies = ()) -> Outcome:
    """The first read of this content, with nothing to compare it with but the claims and its own checksums."""
    outcomes: list[Outcome] = []

    async def scenario(shop: Workshop) -> None:
        path = shop.put(name, content)
        identity = shop.files.look(shop.root, path).identity
        assert identity is not None
        record = await shop.database.write(lambda db: contents.ensure(db, identity))
        engine = LyingEngine(shop.fake, lies)
        descriptor = os.open(path, os.O_RDONLY)
        try:
            header = await engine.header(descriptor, "torch" if name == ZIP else "safetensors")
            subject = Subject(path, descriptor, record, None, header, tuple(claims))
            reading = await ContentReader(engine, shop.database, shop.clock, shop.activity).first_read(subject)
        finally:
            os.close(descriptor)
        outcomes.append(Outcome(reading, engine.whole_reads, reading.first is not None))

    play(folder, scenario)
    return outcomes[0]


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


PUBLISHED = Claim(VerifiedBy.SIDECAR, "the sidecar", sha256=sha256(WEIGHTS))
IN_GIT = Claim(VerifiedBy.BLOB_NAME, "the blob's name", git_sha1=git_sha1(WEIGHTS))
WRONG, WRONG_TOO = "0" * 64, "1" * 64


@pytest.mark.parametrize("claims", [(), (PUBLISHED,), (IN_GIT, PUBLISHED)], ids=["no claim", "one", "two"])
def test_what_fits_its_claims_is_read_once(tmp_path: Path, claims: tuple[Claim, ...]) -> None:
    outcome = first_read(tmp_path, FILE, WEIGHTS, claims=claims)
    assert (outcome.whole_reads, outcome.is_kept) == (1, True)


@pytest.mark.parametrize("claim", [PUBLISHED, IN_GIT], ids=["SHA-256", "git"])
def test_what_two_reads_say_alike_is_so(tmp_path: Path, claim: Claim) -> None:
    outcome = first_read(tmp_path, FILE, OTHER, claims=[claim])
    assert outcome.reading.content is not None
    assert (outcome.whole_reads, outcome.reading.content.sha256, outcome.is_kept) == (2, sha256(OTHER), True)


def test_a_second_read_that_is_right_counts(tmp_path: Path) -> None:
    outcome = first_read(tmp_path, FILE, WEIGHTS, claims=[PUBLISHED], lies=[{"sha256": WRONG}])
    assert outcome.reading.content is not None
    assert (outcome.whole_reads, outcome.reading.content.sha256, outcome.is_kept) == (2, sha256(WEIGHTS), True)


def test_a_wrong_git_digest_alone_is_doubted(tmp_path: Path) -> None:
    outcome = first_read(tmp_path, FILE, WEIGHTS, claims=[IN_GIT], lies=[{"git_sha1": "0" * 40, "sha256": WRONG}])
    assert outcome.reading.content is not None
    assert (outcome.whole_reads, outcome.reading.content.git_sha1) == (2, git_sha1(WEIGHTS))


@pytest.mark.parametrize("content", [WEIGHTS, OTHER], ids=["sound", "wrong"])
def test_two_different_wrong_reads_are_no_judgement(tmp_path: Path, content: bytes) -> None:
    lies = [{"sha256": WRONG}, {"sha256": WRONG_TOO}]
    outcome = first_read(tmp_path, FILE, content, claims=[PUBLISHED], lies=lies)
    assert (outcome.reading.content, outcome.reading.obstacle) == (None, "reads-disagree")
    assert (outcome.whole_reads, outcome.is_kept) == (2, False)


def test_sound_sections_are_read_once(tmp_path: Path) -> None:
    outcome = first_read(tmp_path, ZIP, ARCHIVE)
    assert outcome.reading.content is not None
    assert (outcome.whole_reads, outcome.bad_sections, outcome.reading.content.crc_checked) == (1, [], True)


def test_a_section_that_two_reads_find_bad_is_bad(tmp_path: Path) -> None:
    outcome = first_read(tmp_path, ZIP, BROKEN)
    assert (outcome.whole_reads, outcome.bad_sections, outcome.is_kept) == (2, ["a/data/1"], True)


def test_a_section_that_is_right_the_second_time_is_sound(tmp_path: Path) -> None:
    outcome = first_read(tmp_path, ZIP, ARCHIVE, lies=[{"sha256": WRONG, "bad_sections": (SECTION_1,)}])
    assert (outcome.whole_reads, outcome.bad_sections, outcome.is_kept) == (2, [], True)


def test_bad_sections_in_different_bytes_are_no_judgement(tmp_path: Path) -> None:
    lies = [{"sha256": wrong, "bad_sections": (SECTION_1,)} for wrong in (WRONG, WRONG_TOO)]
    outcome = first_read(tmp_path, ZIP, ARCHIVE, lies=lies)
    assert (outcome.reading.obstacle, outcome.is_kept) == ("reads-disagree", False)


# What comes of it


def put_sidecar(shop: Workshop, content: bytes) -> None:
    shop.put(f"{FILE}.sha256", sha256(content).encode() + b"\n")


async def authority(shop: Workshop, name: str = FILE) -> VerifiedBy | None:
    state = await shop.state(name)
    assert state is not None
    return None if state.expected is None else state.expected.expectation.source


def test_other_bytes_than_published_are_named_and_make_no_baseline(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put(FILE, OTHER)
        put_sidecar(shop, WEIGHTS)
        for _ in range(2):
            await shop.judge(FILE)
            (finding,) = await shop.findings(FILE)
            assert finding.code == "checksum-mismatch"
            assert f"{FILE}.sha256" in finding.message
            assert await authority(shop) is None
        assert len(shop.engine.requests) == 2, "the second judgement reads nothing"
        put_sidecar(shop, OTHER)
        await shop.judge(FILE)
        assert (await shop.codes(FILE), await authority(shop)) == ([], VerifiedBy.SIDECAR)
        assert len(shop.engine.requests) == 2, "it was the sidecar that was wrong, and the digest is known"

    play(tmp_path, scenario)


def test_memory_that_erred_at_the_first_read_accuses_nobody(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put(FILE, WEIGHTS)
        put_sidecar(shop, WEIGHTS)
        shop.engine.misread[1] = 1
        await shop.judge(FILE)
        assert (await shop.codes(FILE), await authority(shop)) == ([], VerifiedBy.SIDECAR)
        assert "finding-opened" not in await shop.told(MODEL)

    play(tmp_path, scenario)


def test_a_file_that_reads_otherwise_each_time_is_unknown_until_it_does_not(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put(FILE, OTHER)
        put_sidecar(shop, WEIGHTS)
        shop.engine.misread[1] = 1
        await shop.judge(FILE)
        assert await shop.codes(FILE) == ["could-not-judge"]
        assert (await shop.result(MODEL)).health_status is HealthStatus.UNKNOWN
        await shop.judge(FILE)
        assert await shop.codes(FILE) == ["checksum-mismatch"]

    play(tmp_path, scenario)


def test_a_broken_section_is_named_and_stays_named_without_a_read(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put(ZIP, BROKEN)
        for _ in range(2):
            await shop.judge(ZIP)
            (finding,) = await shop.findings(ZIP)
            assert (finding.code, finding.tensors) == ("checksum-mismatch", ("a/data/1",))
            assert finding.ranges == (ByteRange(ARCHIVE.index(BIG[::-1]), len(BIG)),)
        assert len(shop.engine.requests) == 2
        assert await authority(shop, ZIP) is None

    play(tmp_path, scenario)


# Young files

CUT = WEIGHTS[: len(WEIGHTS) // 2]


async def meet(shop: Workshop, name: str, age_s: float, **how: Any) -> None:
    """The queue brings up a file that was written to so many seconds ago."""
    path = shop.path(name)
    written_ns = int((shop.clock.now().timestamp() - age_s) * 1e9)
    os.utime(path, ns=(written_ns, written_ns))
    ticket = Ticket()
    await shop.queue.put(Task(path, shop.root, **{"priority": Priority.DUE, **how}), ticket)
    await ticket.wait()


@pytest.mark.parametrize(
    ("name", "content"),
    [(FILE, CUT), (FILE, b""), (FILE, bytes(9000)), (PLAIN, b"x" * 9000)],
    ids=["cut", "empty", "zeros", "of no format"],
)
def test_a_sweep_says_nothing_of_what_may_still_be_written(tmp_path: Path, name: str, content: bytes) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put(FILE, WEIGHTS)  # the model that the file of no format belongs to
        shop.put(name, content)
        await meet(shop, name, QUIET_S / 2)
        assert shop.retries == [shop.path(name)]
        assert await shop.codes(name) == []
        assert "finding-opened" not in await shop.told()
        assert shop.engine.requests == []
        await meet(shop, name, QUIET_S * 2)
        assert shop.retries == [shop.path(name)], "now it is judged"
        assert bool(await shop.codes(name)) is (name == FILE)

    play(tmp_path, scenario)


def test_a_sweep_judges_a_young_file_that_is_whole(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put(FILE, WEIGHTS)
        await meet(shop, FILE, QUIET_S / 2)
        assert shop.retries == []
        assert await authority(shop) is VerifiedBy.BASELINE

    play(tmp_path, scenario)


@pytest.mark.parametrize(
    "how",
    [{"settled": True}, {"priority": Priority.REQUESTED}, {"patient": False}],
    ids=["its writer is done", "somebody asks", "a scan"],
)
def test_whoever_does_not_wait_is_told_at_once(tmp_path: Path, how: dict[str, Any]) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put(FILE, CUT)
        await meet(shop, FILE, QUIET_S / 2, **how)
        assert (shop.retries, await shop.codes(FILE)) == ([], ["safetensors-truncated"])

    play(tmp_path, scenario)


def test_a_time_stamp_in_the_future_is_no_excuse(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put(FILE, CUT)
        await meet(shop, FILE, -3600)
        assert (shop.retries, await shop.codes(FILE)) == ([], ["safetensors-truncated"])

    play(tmp_path, scenario)


@pytest.mark.parametrize(("settled", "told"), [(True, [0, 0, 1, 1]), (False, [0, 0])], ids=["a settled hint", "anybody else"])
def test_a_finished_file_has_its_word_before_its_time_stamps_can_be_relied_on(
    tmp_path: Path, settled: bool, told: list[int]
) -> None:
    """Alerts at each look at the header: the first two, within the tick of the kernel's clock, lead to one."""

    async def scenario(shop: Workshop) -> None:
        path = shop.put(FILE, CUT)
        shop.clock.jump(os.stat(path).st_ctime_ns / 1e9 + CLOCK_TICK_S / 4 - shop.clock.now().timestamp())
        alerts: list[int] = []
        shop.engine.during_header = lambda: alerts.append(len(shop.sink.alerts))
        ticket = Ticket()
        await shop.queue.put(Task(path, shop.root, Priority.CHANGED, settled=settled), ticket)
        await ticket.wait()
        assert alerts == told
        assert shop.sink.names == ["corruption-found"]
        assert (await shop.told(MODEL)).count("finding-opened") == 1

    play(tmp_path, scenario)
