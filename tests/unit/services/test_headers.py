"""Before damage is declared by a header it is looked at twice, the second time past the page cache."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.fakes.safetensors_files import make
from tests.fakes.torch_files import archive
from tests.fakes.workshop import Workshop
from tests.unit.services.scenario import FILE, MODEL, PLAIN, WEIGHTS, play
from wan_healthd.domain.errors import WorkerFailed, WorkerRefused
from wan_healthd.domain.evidence import HeaderFacts, HeaderFault, Impostor
from wan_healthd.domain.findings import Cause
from wan_healthd.domain.verdicts import HealthStatus
from wan_healthd.services.inspect import CLOCK_TICK_S
from wan_healthd.services.queue import Priority, Task, Ticket

TWICE = [False, True]
"""The looks at a faulty header: the second one asks the disk itself."""

CUT = HeaderFacts("safetensors", HeaderFault("truncated", "cut"), declared_bytes=len(WEIGHTS) + 9, payload_offset=100)
TRAILING = replace(CUT, fault=HeaderFault("trailing-bytes", "more"), declared_bytes=200)
MALFORMED = HeaderFacts("safetensors", HeaderFault("invalid-json", "no JSON"))
PAGE = HeaderFacts("safetensors", HeaderFault("impostor", "a web page"), impostor=Impostor.HTML)
ZEROS = HeaderFacts("safetensors", HeaderFault("invalid-json", "nothing"), payload_offset=8)
FALSE = {"cut": CUT, "trailing": TRAILING, "malformed": MALFORMED, "another file": PAGE, "zeros": ZEROS}


@pytest.mark.parametrize("false", FALSE.values(), ids=FALSE)
@pytest.mark.parametrize("is_known", [False, True], ids=["new", "known"])
def test_a_header_that_was_misread_once_accuses_nobody(tmp_path: Path, false: HeaderFacts, is_known: bool) -> None:
    async def scenario(shop: Workshop) -> None:
        path = shop.put(FILE, WEIGHTS)
        if is_known:
            await shop.judge(FILE)
            os.utime(path)
        shop.engine.looks.clear()
        shop.engine.misheard = [false]
        await shop.judge(FILE)
        assert shop.engine.looks == TWICE
        (finding,) = await shop.findings(FILE)
        assert (finding.code, finding.is_advice, finding.cause) == ("transient-read", True, Cause.TRANSIENT)
        assert "its header" in finding.message
        assert (await shop.result(MODEL)).health_status is HealthStatus.HEALTHY
        state = await shop.state(FILE)
        assert state is not None
        assert state.expected is not None, "the second look showed a sound file, which was read"
        await shop.judge(FILE)
        assert await shop.findings(FILE) == ()

    play(tmp_path, scenario)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (WEIGHTS[:-1], "safetensors-truncated"),
        (WEIGHTS + b"x", "safetensors-trailing-bytes"),
        (b"<!DOCTYPE html><html><body>404</body></html>", "placeholder-file"),
        (bytes(9000), "all-zeros"),
    ],
)
def test_what_two_looks_say_alike_is_so(tmp_path: Path, content: bytes, code: str) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put(FILE, content)
        await shop.judge(FILE)
        assert (await shop.codes(FILE), shop.engine.looks) == ([code], TWICE)

    play(tmp_path, scenario)


def test_a_sound_header_is_looked_at_once(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put(FILE, WEIGHTS)
        await shop.judge(FILE)
        assert shop.engine.looks == [False]

    play(tmp_path, scenario)


def test_looks_that_show_two_different_faults_prove_nothing(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put(FILE, WEIGHTS)
        shop.engine.misheard = [CUT, MALFORMED]
        await shop.judge(FILE)
        assert await shop.codes(FILE) == ["could-not-judge"]
        assert (await shop.result(MODEL)).health_status is HealthStatus.UNKNOWN
        await shop.judge(FILE)
        assert await shop.codes(FILE) == []

    play(tmp_path, scenario)


def test_looks_that_differ_because_somebody_writes_are_repeated_later(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        path = shop.put(FILE, WEIGHTS)
        shop.engine.misheard = [CUT, MALFORMED]
        shop.engine.during_header = lambda: os.utime(path, ns=(1, len(shop.engine.looks)))
        await shop.judge(FILE)
        assert shop.retries == [path]
        assert "could-not-judge" in await shop.codes(FILE)

    play(tmp_path, scenario)


def fail_the_second_look(shop: Workshop, error: Exception) -> Callable[[], None]:
    def fail() -> None:
        if shop.engine.looks:
            raise error

    return fail


@pytest.mark.parametrize(
    ("error", "codes"),
    [
        (WorkerRefused("cannot examine the file", "EIO"), []),  # the read that follows names the bytes
        (WorkerRefused("cannot examine the file", "ENOMEM"), ["could-not-judge"]),
        (WorkerFailed("cannot examine the file"), ["could-not-judge"]),
    ],
)
def test_without_a_second_look_nothing_is_declared(tmp_path: Path, error: Exception, codes: Sequence[str]) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put(FILE, WEIGHTS[:-1])
        shop.engine.during_header = fail_the_second_look(shop, error)
        await shop.judge(FILE)
        assert await shop.codes(FILE) == codes

    play(tmp_path, scenario)


def test_the_early_word_is_not_said_of_a_misread_header(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        path = shop.put(FILE, WEIGHTS)
        shop.clock.jump(os.stat(path).st_ctime_ns / 1e9 + CLOCK_TICK_S / 4 - shop.clock.now().timestamp())
        shop.engine.misheard = [CUT]
        ticket = Ticket()
        await shop.queue.put(Task(path, shop.root, Priority.CHANGED, settled=True), ticket)
        await ticket.wait()
        assert shop.engine.looks == [*TWICE, False]
        assert "finding-opened" not in await shop.told(MODEL)
        assert shop.sink.alerts == []

    play(tmp_path, scenario)


def test_a_form_that_nobody_knows_leaves_the_content_to_be_watched(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        name, content = "flux/w.ckpt", b"\x80\2]q\0(" + b"K\1" * 9000 + b"e."
        path = shop.put(name, content)
        state = await shop.judge(name)
        assert state is not None and state.expected is not None
        shop.engine.misread[0] = 99
        os.utime(path)
        await shop.judge(name)
        assert sorted(await shop.codes(name)) == ["checksum-mismatch", "format-unknown-to-us"]

    play(tmp_path, scenario)


# Absent tensors, by the index beside a shard

SHARD = "flux/model-00001-of-00001.safetensors"
INDEX = "flux/model.safetensors.index.json"
LACKING, WHOLE = (make({name: ("U8", (9,), bytes(9)) for name in names}) for names in ("a", "ab"))


def put_index(shop: Workshop) -> None:
    table = dict.fromkeys("ab", SHARD.rpartition("/")[2])
    shop.put(INDEX, json.dumps({"metadata": {"total_size": 18}, "weight_map": table}).encode())


async def header_of(shop: Workshop, content: bytes) -> HeaderFacts:
    path = shop.put(SHARD, content)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return await shop.fake.header(descriptor, "safetensors")
    finally:
        os.close(descriptor)


def test_a_shard_that_lacks_tensors_is_looked_at_twice(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        put_index(shop)
        shop.put(SHARD, LACKING)
        await shop.judge(SHARD)
        assert (await shop.codes(SHARD), shop.engine.looks) == (["tensors-absent"], TWICE)

    play(tmp_path, scenario)


def test_a_shard_whose_tensors_were_overlooked_lacks_none(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        put_index(shop)
        shop.engine.misheard = [replace(await header_of(shop, LACKING), declared_bytes=len(WHOLE))]
        shop.put(SHARD, WHOLE)
        await shop.judge(SHARD)
        assert await shop.codes(SHARD) == ["transient-read"]

    play(tmp_path, scenario)


def test_a_shard_that_first_lacks_tensors_and_then_is_broken_is_not_judged(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        put_index(shop)
        shop.put(SHARD, LACKING)
        shop.engine.misheard = [await header_of(shop, LACKING), MALFORMED]
        await shop.judge(SHARD)
        assert await shop.codes(SHARD) == ["could-not-judge"]

    play(tmp_path, scenario)


def test_a_second_look_that_the_disk_refuses_leaves_it_to_the_read(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        put_index(shop)
        shop.put(SHARD, LACKING)
        shop.engine.during_header = fail_the_second_look(shop, WorkerRefused("cannot examine the file", "EIO"))
        await shop.judge(SHARD)
        assert await shop.codes(SHARD) == []

    play(tmp_path, scenario)


# Zeros, by reading


@pytest.mark.parametrize("is_known", [False, True], ids=["new", "known"])
def test_zeros_are_read_twice(tmp_path: Path, is_known: bool) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put(FILE, WEIGHTS)  # the model that the file belongs to
        await shop.judge(FILE)
        if is_known:
            shop.put(PLAIN, b"x" * 9000)
            await shop.judge(PLAIN)
        shop.put(PLAIN, bytes(9000))
        shop.engine.requests.clear()
        await shop.judge(PLAIN)
        assert await shop.codes(PLAIN) == ["all-zeros"]
        assert len(shop.engine.requests) == 2

    play(tmp_path, scenario)


def test_an_archive_that_was_misread_is_checked_by_its_crcs_all_the_same(tmp_path: Path) -> None:
    """The facts of the second look are the ones that the read goes by."""

    async def scenario(shop: Workshop) -> None:
        shop.put("flux/w.pth", archive())
        shop.engine.misheard = [HeaderFacts("torch", HeaderFault("zeros", "zeros"))]
        state = await shop.judge("flux/w.pth")
        assert state is not None and state.content is not None
        assert state.content.bad_sections == ()
        assert await shop.codes("flux/w.pth") == ["transient-read"]

    play(tmp_path, scenario)
