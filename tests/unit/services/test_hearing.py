"""Hearing witnesses: what headers and the small files around a file say, and what keeps us from asking."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.fakes.hub import HubFile
from tests.fakes.workshop import Workshop
from tests.unit.services.scenario import FILE, OTHER, PLAIN, WEIGHTS, play
from wan_healthd.domain.errors import WorkerRefused
from wan_healthd.domain.evidence import FileEvidence
from wan_healthd.domain.files import VerifiedBy
from wan_healthd.host.threads import ThreadPool
from wan_healthd.services.claims import Claims
from wan_healthd.services.evidence import gather
from wan_healthd.services.headers import HeaderSaid
from wan_healthd.services.hearing import Heard, Hearing
from wan_healthd.services.known import Known
from wan_healthd.store import models
from wan_healthd.store.records import PathState

SIDECAR = f"{FILE}.sha256"


def refuse(error: int) -> Callable[[], None]:
    """What the worker says when the system refuses with this error."""

    def raise_refusal() -> None:
        raise WorkerRefused("cannot examine the file", errno.errorcode[error])

    return raise_refusal


@asynccontextmanager
async def hearing_of(shop: Workshop, *, reads_content: bool = True) -> AsyncIterator[Hearing]:
    """A hearing in the workshop, with threads of its own."""
    threads = ThreadPool()
    try:
        yield Hearing(
            engine=shop.engine,
            files=shop.files,
            threads=threads,
            database=shop.database,
            claims=Claims(shop.files, threads, shop.clock, {}),
            reads_content=reads_content,
        )
    finally:
        await asyncio.to_thread(threads.close)


async def header_of(shop: Workshop, name: str, *, reads_content: bool = True) -> HeaderSaid:
    descriptor = os.open(shop.path(name), os.O_RDONLY)
    try:
        async with hearing_of(shop, reads_content=reads_content) as hearing:
            return await hearing.header(shop.path(name), descriptor)
    finally:
        os.close(descriptor)


async def claims_on(shop: Workshop, name: str = FILE) -> Heard:
    """What is claimed of the file as it is now."""
    state, evidence = await evidence_of(shop, name)
    async with hearing_of(shop) as hearing:
        return await hearing.claims_on(await known(shop, state), evidence)


async def known(shop: Workshop, state: PathState) -> Known:
    return Known(state, await shop.database.read(lambda db: models.owner(db, state.record.id)))


async def evidence_of(shop: Workshop, name: str) -> tuple[PathState, FileEvidence]:
    state = await shop.state(name)
    assert state is not None
    said = await header_of(shop, name)
    return state, gather(state, shop.files.look(shop.root, shop.path(name)), said.facts)


def digest_line(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest().encode() + b"\n"


def test_a_header_is_judged_as_the_format_that_its_name_promises(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put(FILE, WEIGHTS)
        shop.put("flux/w.gguf", WEIGHTS)
        sound, strange = [await header_of(shop, name) for name in (FILE, "flux/w.gguf")]
        assert sound.facts is not None and sound.facts.format == "safetensors" and sound.facts.fault is None
        assert strange.facts is not None and strange.facts.format == "gguf" and strange.facts.fault is not None

    play(tmp_path, scenario)


def test_a_file_of_no_known_format_is_not_asked(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put(PLAIN, b"x")
        shop.fake.failing.add(os.stat(shop.path(PLAIN)).st_ino)
        assert await header_of(shop, PLAIN) == HeaderSaid()

    play(tmp_path, scenario)


def test_a_header_that_kills_the_worker_is_an_obstacle(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put(FILE, WEIGHTS)
        shop.fake.failing.add(os.stat(shop.path(FILE)).st_ino)
        said = await header_of(shop, FILE)
        assert (said.facts, said.obstacle) == (None, "worker-failed")
        assert "worker was lost" in said.complaint

    play(tmp_path, scenario)


@pytest.mark.parametrize(
    ("error", "reads_content", "obstacle"),
    [
        (errno.EIO, True, None),  # the read that follows names the bytes
        (errno.EIO, False, "worker-refused"),
        (errno.EINVAL, True, "worker-refused"),
    ],
)
def test_a_header_that_the_disk_refuses(tmp_path: Path, error: int, reads_content: bool, obstacle: str | None) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put(FILE, WEIGHTS)
        shop.engine.during_header = refuse(error)
        said = await header_of(shop, FILE, reads_content=reads_content)
        assert (said.facts, said.obstacle) == (None, obstacle)

    play(tmp_path, scenario)


def judged(scenario: Callable[[Workshop], Awaitable[None]]) -> Callable[[Workshop], Awaitable[None]]:
    """The scenario begins with a sound file that is known."""

    async def begin(shop: Workshop) -> None:
        shop.put(FILE, WEIGHTS)
        await shop.judge(FILE)
        await scenario(shop)

    return begin


def test_a_file_that_nobody_speaks_of_has_no_claims(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        heard = await claims_on(shop)
        assert (heard.evidence.claims, heard.evidence.outdated_claims, heard.findings) == ((), (), ())

    play(tmp_path, judged(scenario))


def test_claims_are_part_of_the_evidence(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put(SIDECAR, digest_line(OTHER))
        heard = await claims_on(shop)
        (claim,) = heard.evidence.claims
        assert (claim.source, claim.sha256) == (VerifiedBy.SIDECAR, hashlib.sha256(OTHER).hexdigest())
        assert heard.findings == ()

    play(tmp_path, judged(scenario))


def test_a_pointer_in_its_place_speaks_of_the_file(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put(FILE, HubFile(FILE, WEIGHTS).pointer)
        (claim,) = (await claims_on(shop)).evidence.claims
        assert (claim.source, claim.size_bytes) == (VerifiedBy.LFS_POINTER, len(WEIGHTS))

    play(tmp_path, judged(scenario))


def test_of_sources_that_disagree_only_the_better_one_is_heard(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put(SIDECAR, digest_line(WEIGHTS) + digest_line(OTHER))
        heard = await claims_on(shop)
        assert [claim.sha256 for claim in heard.evidence.claims] == [hashlib.sha256(WEIGHTS).hexdigest()]
        assert [finding.code for finding in heard.findings] == ["sources-disagree"]

    play(tmp_path, judged(scenario))


def test_no_claim_accuses_what_a_person_trusted(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put(SIDECAR, digest_line(OTHER))
        await shop.judge(FILE)
        await shop.trust.trust("flux", [], uid=0, reason="")
        heard = await claims_on(shop)
        assert heard.evidence.claims == ()
        assert [claim.source for claim in heard.evidence.outdated_claims] == [VerifiedBy.SIDECAR]

    play(tmp_path, judged(scenario))


def test_a_file_of_no_model_is_judged_by_itself(tmp_path: Path) -> None:
    """The model went while its last file waited to be judged."""

    async def scenario(shop: Workshop) -> None:
        shop.put(SIDECAR, digest_line(OTHER))
        state, evidence = await evidence_of(shop, FILE)
        os.unlink(shop.path(FILE))
        await shop.judge(FILE)
        await shop.trust.trust("flux", [], uid=0, reason="")
        async with hearing_of(shop) as hearing:
            assert await hearing.claims_on(Known(state), evidence) == Heard(evidence)

    play(tmp_path, judged(scenario))
