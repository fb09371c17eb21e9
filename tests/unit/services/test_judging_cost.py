"""What judging costs the store: of thousands of small files, each transaction is felt. And nothing is lost by having few."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from tests.fakes.safetensors_files import sample
from tests.fakes.workshop import Workshop
from tests.unit.services.scenario import FILE, MODEL, OTHER, PLAIN, WEIGHTS, play
from wan_healthd.domain.catalogue import FILE_MISSING
from wan_healthd.domain.errors import StoreUnusable
from wan_healthd.domain.files import FileLook, Presence
from wan_healthd.domain.verdicts import HealthStatus, IntegrityResult
from wan_healthd.services.passes import SMALL_BYTES
from wan_healthd.services.publish import Judgement
from wan_healthd.store import contents
from wan_healthd.store.connection import Connection
from wan_healthd.store.records import FirstRead

SECOND = "flux/second.safetensors"


async def commits(shop: Workshop, name: str = FILE, *, full: bool = False) -> int:
    """How many transactions it takes to judge the file."""
    counted: list[None] = []
    shop.database.on_change = lambda: counted.append(None)
    await shop.judge(name, full=full)
    return len(counted)


async def verified_at(shop: Workshop) -> set[datetime]:
    """When the file's blocks were verified last."""
    state = await shop.state(FILE)
    assert state is not None
    assert state.content is not None
    content_id = state.content.id
    return {extent.verified_at for extent in await shop.database.read(lambda db: contents.extents(db, content_id))}


def test_a_file_is_judged_in_one_transaction(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put(FILE, WEIGHTS)
        await shop.sweep_roster()
        assert await commits(shop) == 1, "for the first time"
        state = await shop.state(FILE)
        assert state is not None
        assert state.content is not None
        assert state.content.is_whole
        assert (await shop.result(MODEL)).last_checked == shop.clock.now(), "the check of its model ended with it"
        assert await commits(shop) == 1, "as it was before"
        shop.put(FILE, OTHER)
        assert await commits(shop) <= 2, "damaged; that it was told is written, too"

    play(tmp_path, scenario)


def test_a_known_file_is_read_again_in_one_transaction(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put(FILE, WEIGHTS)
        await shop.judge(FILE)
        for _ in range(2):
            shop.clock.advance(60)
            assert await commits(shop, full=True) == 1
            assert await verified_at(shop) == {shop.clock.now()}
        before = shop.clock.now()
        shop.clock.advance(60)
        shop.engine.misread[1] = 10**9
        assert await commits(shop, full=True) <= 3, "what is right, what is found, and that it was told"
        assert await verified_at(shop) == {before, shop.clock.now()}
        assert await shop.codes(FILE) == ["checksum-mismatch"]

    play(tmp_path, scenario)


def test_what_was_read_again_and_could_not_be_written_is_as_if_it_had_not_been_read(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put(FILE, WEIGHTS)
        await shop.judge(FILE)
        before = await verified_at(shop)
        await shop.database.write(_forbid_verdicts)
        await shop.full_sweep()
        assert await verified_at(shop) == before

    play(tmp_path, scenario, complaints=None)


def test_a_long_file_is_on_record_before_it_is_judged(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put(FILE, sample(1, SMALL_BYTES + 1, 2))
        await shop.sweep_roster()
        assert await commits(shop) > 1
        state = await shop.state(FILE)
        assert state is not None
        assert state.content is not None
        assert state.content.is_whole
        assert state.expected is not None

    play(tmp_path, scenario)


def test_what_could_not_be_written_is_as_if_it_had_not_been_read(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put(FILE, WEIGHTS)
        await shop.sweep_roster()
        await shop.database.write(_forbid_verdicts)
        await shop.judge(FILE)
        assert await shop.database.read(_contents) == 0
        await shop.database.write(lambda db: db.execute("DROP TRIGGER forbid"))
        await shop.judge(FILE)
        state = await shop.state(FILE)
        assert state is not None
        assert state.expected is not None
        assert (await shop.result(MODEL)).health_status is HealthStatus.HEALTHY

    play(tmp_path, scenario, complaints=None)


def _forbid_verdicts(connection: Connection) -> None:
    connection.execute("CREATE TRIGGER forbid BEFORE UPDATE OF body ON model BEGIN SELECT RAISE(ABORT, 'not now'); END")


def _contents(connection: Connection) -> int:
    return int(connection.execute("SELECT count(*) FROM content").fetchone()[0])


def test_two_paths_to_one_content_are_read_once(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        path = shop.put(FILE, WEIGHTS)
        Path(path.decode()).with_name("second.safetensors").hardlink_to(path.decode())
        await shop.sweep()
        assert len(shop.engine.requests) == 1
        states = [await shop.state(name) for name in (FILE, SECOND)]
        assert len({state.content.id for state in states if state is not None and state.content is not None}) == 1

    play(tmp_path, scenario)


def test_a_result_tells_of_what_was_judged_meanwhile(tmp_path: Path) -> None:
    """A file seemed to be the last of its model, and then one more of them was judged before that was told."""
    told: list[IntegrityResult] = []

    async def scenario(shop: Workshop) -> None:
        shop.put(FILE, WEIGHTS)
        shop.put(PLAIN, b"plain")
        await shop.sweep_roster()
        shop.feed.add_health(told.append, None)
        delivering = shop.crew.start(shop.feed.run())
        missing = (FILE_MISSING.at(shop.path(PLAIN), what="gone"),)
        for name, findings, ends in ((FILE, (), {MODEL}), (PLAIN, missing, set())):
            state = await shop.state(name)
            assert state is not None
            judgement = Judgement(state.record, FileLook(Presence.FILE), findings, None, ends=frozenset(ends))
            assert await shop.publisher.judged(judgement) == (MODEL,)
        await shop.publisher.finished([MODEL])
        await shop.feed.delivered()
        assert [[finding.code for finding in result.issues] for result in told] == [["file-missing"]]
        delivering.cancel()

    play(tmp_path, scenario, lanes=False)


def test_what_is_whole_is_not_overwritten(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put(FILE, WEIGHTS)
        state = await shop.judge(FILE)
        assert state is not None
        assert state.content is not None
        content = state.content
        forged = FirstRead("0" * 64, shop.clock.now())
        kept = await shop.database.write(lambda db: contents.keep(db, content.identity, forged))
        assert (kept.id, kept.sha256) == (content.id, content.sha256)
        with pytest.raises(StoreUnusable):
            await shop.database.write(lambda db: db.execute("UPDATE path SET content_id = 0"))

    play(tmp_path, scenario)
