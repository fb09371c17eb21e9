"""From a file to its findings, events and baseline."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from tests.fakes.safetensors_files import sample
from tests.fakes.workshop import Workshop
from tests.unit.services.scenario import FILE, MODEL, OTHER, PLAIN, WEIGHTS, play
from wan_healthd.domain.digests import BLOCK_BYTES
from wan_healthd.domain.extents import ByteRange
from wan_healthd.domain.findings import Cause
from wan_healthd.domain.verdicts import HealthStatus
from wan_healthd.services.orders import Order
from wan_healthd.services.queue import Priority, Task
from wan_healthd.store import contents, models, paths
from wan_healthd.store.connection import Connection

ZEROS = bytes(len(WEIGHTS))


async def baseline_of(shop: Workshop, name: str = FILE) -> str | None:
    state = await shop.state(name)
    assert state is not None
    return None if state.expected is None else state.expected.expectation.sha256


def test_a_sound_file_becomes_its_own_baseline(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put(FILE, WEIGHTS)
        state = await shop.judge(FILE)
        assert state is not None
        assert state.findings == ()
        assert state.content is not None
        assert state.expected is not None
        assert state.expected.content_id == state.content.id
        assert (await shop.result(MODEL)).health_status is HealthStatus.HEALTHY

    play(tmp_path, scenario)


@pytest.mark.parametrize("content", [WEIGHTS[:-1], WEIGHTS + b"x", ZEROS, b"", b"version https://git-lfs"])
def test_faulty_bytes_never_become_a_baseline(tmp_path: Path, content: bytes) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put(FILE, content)
        for _ in range(2):
            await shop.judge(FILE)
            assert len(await shop.findings(FILE)) == 1
            assert await baseline_of(shop) is None
        assert (await shop.told(MODEL)).count("finding-opened") == 1, "the second judgement says the same"
        shop.put(FILE, WEIGHTS)
        await shop.judge(FILE)
        assert await shop.findings(FILE) == ()
        assert await baseline_of(shop) is not None

    play(tmp_path, scenario)


@pytest.mark.parametrize("content", [OTHER, WEIGHTS[:-1], WEIGHTS + b"x", ZEROS, b"", WEIGHTS[:BLOCK_BYTES]])
def test_nothing_launders_damage(tmp_path: Path, content: bytes) -> None:
    async def scenario(shop: Workshop) -> None:
        path = shop.put(FILE, WEIGHTS)
        await shop.judge(FILE)
        sound = await baseline_of(shop)
        times = os.stat(path)
        shop.put(FILE, content)
        await shop.judge(FILE)
        damaged = await shop.codes(FILE)
        assert damaged
        os.utime(path)
        await shop.judge(FILE)
        assert await shop.codes(FILE) == damaged
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
        await shop.sweep()
        await shop.full_sweep()
        assert await shop.codes(FILE) == damaged
        assert await baseline_of(shop) == sound
        assert (await shop.result(MODEL)).health_status is HealthStatus.CORRUPTED
        kinds = [kind for kind in await shop.told(MODEL) if kind.startswith("finding")]
        assert kinds == ["finding-opened"], kinds
        shop.put(FILE, WEIGHTS)
        await shop.judge(FILE)
        assert await shop.codes(FILE) == []

    play(tmp_path, scenario)


def test_the_same_bytes_in_a_new_state_move_the_baseline(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        path = shop.put(FILE, WEIGHTS)
        await shop.judge(FILE)
        for rewrite in (False, True):
            shop.put(FILE, WEIGHTS) if rewrite else os.utime(path)
            state = await shop.judge(FILE)
            assert state is not None
            assert state.expected is not None
            assert state.content is not None
            assert state.expected.expectation.identity == state.content.identity
            assert state.content.identity.mtime_ns == os.stat(path).st_mtime_ns
        shop.engine.misread[1] = 99
        await shop.full_sweep()
        assert [finding.cause for finding in await shop.findings(FILE)] == [Cause.DISK]

    play(tmp_path, scenario)


def test_a_rewritten_file_names_block_and_tensor(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put(FILE, WEIGHTS)
        await shop.judge(FILE)
        place = 2 * BLOCK_BYTES + 17
        shop.put(FILE, WEIGHTS[:place] + bytes([WEIGHTS[place] ^ 1]) + WEIGHTS[place + 1 :])
        await shop.judge(FILE)
        (finding,) = await shop.findings(FILE)
        assert (finding.code, finding.cause) == ("checksum-mismatch", Cause.REWRITTEN)
        assert finding.ranges == (ByteRange(2 * BLOCK_BYTES, BLOCK_BYTES),)
        assert finding.tensors

    play(tmp_path, scenario)


def test_a_far_future_time_stamp_hides_nothing(tmp_path: Path) -> None:
    """Nanoseconds of the year 2400 do not fit into 64 bits."""

    async def scenario(shop: Workshop) -> None:
        path = shop.put(FILE, WEIGHTS)
        await shop.judge(FILE)
        shop.put(FILE, OTHER)
        os.utime(path, (13_569_465_600, 13_569_465_600))
        await shop.judge(FILE)
        assert await shop.codes(FILE) == ["checksum-mismatch"]
        shop.engine.requests.clear()
        await shop.sweep()
        assert shop.engine.requests == [], "its identity is told apart from no change"

    play(tmp_path, scenario)


def test_zeros_are_told_from_zeroed_blocks(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put(FILE, WEIGHTS)
        size = 3 * BLOCK_BYTES
        shop.put(PLAIN, b"x" * size)
        await shop.judge(PLAIN)
        shop.put(PLAIN, b"x" * BLOCK_BYTES + bytes(2 * BLOCK_BYTES))
        for _ in range(3):
            await shop.judge(PLAIN)
            assert await shop.codes(PLAIN) == ["checksum-mismatch"]
        shop.put(PLAIN, bytes(size))
        for _ in range(3):
            await shop.judge(PLAIN)
            assert await shop.codes(PLAIN) == ["all-zeros"]

    play(tmp_path, scenario)


def test_rot_that_zeroes_a_block_is_confirmed_as_rot(tmp_path: Path) -> None:
    """The second look reads nothing but that block, and finds nothing but zeros: the file is no file of zeros for that."""

    async def scenario(shop: Workshop) -> None:
        shop.put(FILE, WEIGHTS[:BLOCK_BYTES])  # its faulty header is not worth a read
        shop.put(PLAIN, bytes(BLOCK_BYTES) + b"x" * BLOCK_BYTES)
        await shop.judge(PLAIN)
        shop.engine.misread[0] = 99
        await shop.full_sweep()
        await shop.sweep()
        assert await shop.codes(PLAIN) == ["checksum-mismatch"]

    play(tmp_path, scenario)


def test_a_vanished_file(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        path = shop.put(FILE, WEIGHTS)
        await shop.judge(FILE)
        os.unlink(path)
        await shop.judge(FILE)
        assert await shop.codes(FILE) == ["file-missing"]
        assert (await shop.result(MODEL)).health_status is HealthStatus.MISSING
        shop.put(FILE, WEIGHTS)
        await shop.judge(FILE)
        assert (await shop.result(MODEL)).health_status is HealthStatus.HEALTHY

    play(tmp_path, scenario)


def test_a_hint_about_nothing_makes_no_model(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        assert await shop.judge(FILE) is None
        assert await shop.model_ids() == []
        assert await shop.told() == []

    play(tmp_path, scenario)


def test_a_file_that_went_before_it_was_read_is_no_loss_and_no_model(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        path = shop.put(FILE, WEIGHTS)
        await shop.sweep(Order(Priority.DUE, judges=False))
        assert await shop.model_ids() == [MODEL]
        os.unlink(path)
        await shop.sweep()
        assert await shop.state(FILE) is None
        assert await shop.model_ids() == []
        assert (await shop.told(MODEL))[-1] == "model-forgotten"

    play(tmp_path, scenario)


def test_a_file_that_changes_while_it_is_read_is_not_judged(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        path = shop.put(FILE, WEIGHTS)
        shop.fake.during_read = lambda descriptor: os.utime(path)
        await shop.judge(FILE)
        assert await shop.codes(FILE) == ["could-not-judge"]
        assert shop.retries == [path]
        assert await baseline_of(shop) is None
        assert shop.sink.alerts == [], "a file that is being written is no alert"
        assert (await shop.result(MODEL)).health_status is HealthStatus.UNKNOWN
        shop.fake.during_read = lambda descriptor: None
        await shop.judge(FILE)
        assert await shop.codes(FILE) == []

    play(tmp_path, scenario)


def test_a_scan_does_not_wait_for_a_file_that_changes(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        path = shop.put(FILE, WEIGHTS)
        shop.fake.during_read = lambda descriptor: os.utime(path)
        await shop.judge(FILE, patient=False)
        assert shop.retries == []

    play(tmp_path, scenario)


def test_a_new_file_that_goes_while_it_is_read_is_no_loss(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        path = shop.put(FILE, WEIGHTS)
        shop.fake.during_read = lambda descriptor: os.unlink(path)
        await shop.judge(FILE)
        shop.fake.during_read = lambda descriptor: None
        await shop.judge(FILE)
        assert await shop.state(FILE) is None
        assert await shop.model_ids() == []

    play(tmp_path, scenario)


def test_half_a_rewrite_is_not_called_truncated(tmp_path: Path) -> None:
    """The header was read from one state of the file and its size from another."""

    async def scenario(shop: Workshop) -> None:
        path = shop.put(FILE, WEIGHTS)
        await shop.judge(FILE)
        shop.put(FILE, WEIGHTS[: BLOCK_BYTES + 5])
        shop.fake.during_read = lambda descriptor: os.utime(path)
        await shop.judge(FILE)
        assert "could-not-judge" in await shop.codes(FILE)
        shop.fake.during_read = lambda descriptor: None
        shop.put(FILE, WEIGHTS)
        await shop.judge(FILE)
        assert await shop.codes(FILE) == []

    play(tmp_path, scenario)


def test_a_header_of_a_file_that_changes_is_not_judged(tmp_path: Path) -> None:
    """Faulty headers end the matter without a read, which would have seen the change."""

    async def scenario(shop: Workshop) -> None:
        path = shop.put(FILE, WEIGHTS[: BLOCK_BYTES + 5])
        shop.engine.during_header = lambda: os.utime(path)
        await shop.judge(FILE)
        assert await shop.codes(FILE) == ["could-not-judge"]
        assert shop.retries == [path]
        assert shop.sink.alerts == []

    play(tmp_path, scenario)


def test_a_file_that_is_replaced_while_it_is_read_is_judged_again(tmp_path: Path) -> None:
    """The open descriptor shows the old file to its end; the hint about the new one waits for it."""

    async def scenario(shop: Workshop) -> None:
        path = shop.put(FILE, WEIGHTS)
        await shop.judge(FILE)
        os.utime(path)
        fresh = shop.put("incoming.tmp", OTHER)

        def replace(descriptor: int) -> None:
            shop.fake.during_read = lambda descriptor: None
            os.rename(fresh, path)
            shop.crew.start(shop.queue.put(Task(path, shop.root, Priority.CHANGED)))

        shop.fake.during_read = replace
        await shop.judge(FILE)
        while len(shop.queue) or shop.queue.active:
            await asyncio.sleep(0.01)
        assert "checksum-mismatch" in await shop.codes(FILE)

    play(tmp_path, scenario)


@pytest.mark.parametrize("obstacle", ["worker", "writes"])
def test_damage_stands_until_it_is_refuted(tmp_path: Path, obstacle: str) -> None:
    """What cannot be looked at has not got better: no all-clear, and the model stays CORRUPTED."""

    async def scenario(shop: Workshop) -> None:
        path = shop.put(FILE, WEIGHTS)
        await shop.judge(FILE)
        shop.put(FILE, OTHER)
        await shop.judge(FILE)
        assert await shop.codes(FILE) == ["checksum-mismatch"]
        os.utime(path)
        if obstacle == "worker":
            shop.fake.failing.add(os.stat(path).st_ino)
        else:
            shop.fake.during_read = lambda descriptor: os.utime(path)
        await shop.judge(FILE)
        assert set(await shop.codes(FILE)) == {"checksum-mismatch", "could-not-judge"}
        assert (await shop.result(MODEL)).health_status is HealthStatus.CORRUPTED
        assert "finding-cleared" not in await shop.told()

    play(tmp_path, scenario)


def test_a_worker_that_dies_over_a_file_costs_this_file_only(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        bad, good = shop.put("a/w.safetensors", WEIGHTS), shop.put("b/w.safetensors", WEIGHTS)
        shop.fake.failing.add(os.stat(bad).st_ino)
        await shop.sweep()
        assert await shop.codes("a/w.safetensors") == ["could-not-judge"]
        assert await shop.codes("b/w.safetensors") == []
        assert os.path.exists(good)
        shop.fake.failing.clear()
        await shop.sweep()
        assert await shop.codes("a/w.safetensors") == []

    play(tmp_path, scenario)


def test_an_error_of_ours_is_a_finding_and_heals(tmp_path: Path) -> None:
    """A content whose block map was lost cannot be compared; the verdict of before must not pass for a new one."""

    async def scenario(shop: Workshop) -> None:
        shop.put(FILE, WEIGHTS)
        await shop.judge(FILE)
        kept = await shop.database.write(lambda db: db.execute("SELECT * FROM block_run").fetchall())
        await shop.database.write(lambda db: db.execute("DELETE FROM block_run").rowcount)
        await shop.judge(FILE, full=True)
        assert await shop.codes(FILE) == ["could-not-judge"]
        assert (await shop.result(MODEL)).health_status is HealthStatus.UNKNOWN
        await shop.database.write(lambda db: db.executemany("INSERT INTO block_run VALUES (?, ?, ?)", kept).rowcount)
        await shop.sweep()
        assert await shop.codes(FILE) == []

    play(tmp_path, scenario, complaints=1)


def refuse_writes(connection: Connection) -> None:
    connection.execute("CREATE TEMP TRIGGER full BEFORE UPDATE OF judged_at ON path BEGIN SELECT RAISE(FAIL, 'disk full'); END")


def allow_writes(connection: Connection) -> None:
    connection.execute("DROP TRIGGER full")


@pytest.mark.parametrize("is_known", [False, True])
def test_what_the_store_refused_is_found_by_the_next_sweep(tmp_path: Path, is_known: bool) -> None:
    async def scenario(shop: Workshop) -> None:
        if is_known:
            shop.put(FILE, WEIGHTS)
            await shop.judge(FILE)
        shop.put(FILE, OTHER)
        await shop.database.write(refuse_writes)
        await shop.judge(FILE)  # its ticket ends all the same
        await shop.database.write(allow_writes)
        await shop.sweep()
        assert await shop.codes(FILE) == (["checksum-mismatch"] if is_known else [])
        state = await shop.state(FILE)
        assert state is not None
        assert state.record.judged_at is not None

    play(tmp_path, scenario, complaints=2)


def test_rot_that_the_store_refused_is_found_by_the_next_incremental_sweep(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put(FILE, WEIGHTS)
        await shop.judge(FILE)
        shop.engine.misread[1] = 99
        await shop.database.write(refuse_writes)
        await shop.full_sweep()
        await shop.database.write(allow_writes)
        assert await shop.codes(FILE) == []
        shop.engine.requests.clear()
        await shop.sweep()
        assert await shop.codes(FILE) == ["checksum-mismatch"]
        assert shop.engine.requests[0].blocks == ((1, 2),), "what was right the first time is not read again"

    play(tmp_path, scenario, complaints=2)


def test_two_paths_to_the_same_bytes_are_read_by_one_lane_at_a_time(tmp_path: Path) -> None:
    """Two first reads of one content would mix their block maps, and no later comparison would work."""

    async def scenario(shop: Workshop) -> None:
        path = shop.put("a/w.safetensors", WEIGHTS)
        for name in ("b", "c"):
            os.mkdir(shop.path(name))
            os.link(path, shop.path(f"{name}/w.safetensors"))
        await shop.sweep()
        whole = [request for request in shop.engine.requests if request.blocks is None]
        assert len(whole) == 1, "and they are read once"
        for name in ("a", "b", "c"):
            state = await shop.state(f"{name}/w.safetensors")
            assert state is not None
            assert (state.findings, state.expected is None) == ((), False)
        await shop.full_sweep()
        assert shop.complaints == []

    play(tmp_path, scenario)


def test_forgotten_contents_leave_what_is_being_read_alone(tmp_path: Path) -> None:
    """`trust` of one model cleans up while another one is read for the first time."""

    async def scenario(shop: Workshop) -> None:
        shop.put(FILE, WEIGHTS)

        def clean(descriptor: int) -> None:
            shop.crew.start(shop.database.write(contents.forget_unused))

        shop.fake.during_read = clean
        await shop.judge(FILE)
        assert await shop.codes(FILE) == []
        state = await shop.state(FILE)
        assert state is not None
        assert state.content is not None
        assert state.content.is_whole

    play(tmp_path, scenario)


def test_a_path_that_is_forgotten_while_it_is_read(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put(FILE, WEIGHTS)
        await shop.judge(FILE)
        state = await shop.state(FILE)
        assert state is not None
        shop.put(FILE, OTHER)
        record = state.record

        def forget(descriptor: int) -> None:
            shop.crew.start(shop.database.write(lambda db: paths.forget(db, record.id)))

        shop.fake.during_read = forget
        await shop.judge(FILE)
        assert await shop.state(FILE) is None
        assert shop.sink.alerts == []

    play(tmp_path, scenario)


def test_a_file_that_brings_a_folder_model_to_light_has_its_folder_swept(tmp_path: Path) -> None:
    """What lay there before belonged to no model then, and no hint will come for it."""

    async def scenario(shop: Workshop) -> None:
        shop.put("flux/config.json", b'{"a": 1}')
        assert await shop.judge("flux/config.json") is None
        shop.put(FILE, WEIGHTS)
        await shop.judge(FILE)
        assert shop.appeared == [shop.path("flux")]
        shop.put("flux/other.json", b'{"a": 1}')
        await shop.judge("flux/other.json")
        assert shop.appeared == [shop.path("flux")], "only the first file does"

    play(tmp_path, scenario)


def test_a_lost_root_makes_no_file_missing(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put(FILE, WEIGHTS)
        await shop.judge(FILE)
        os.rename(shop.root, shop.root + b"-away")
        await shop.judge(FILE)
        assert await shop.codes(FILE) == []
        await asyncio.to_thread(os.rename, shop.root + b"-away", shop.root)

    play(tmp_path, scenario)


def test_a_link_out_of_the_root_and_a_folder_in_place_of_a_file(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        (tmp_path / "secret.safetensors").write_bytes(WEIGHTS)
        os.mkdir(shop.path("flux"))
        os.symlink(tmp_path / "secret.safetensors", shop.path(FILE))
        await shop.judge(FILE)
        assert await shop.codes(FILE) == ["link-leaves-root"]
        assert shop.engine.requests == []
        os.unlink(shop.path(FILE))
        shop.put(FILE, WEIGHTS)
        await shop.judge(FILE)
        os.unlink(shop.path(FILE))
        os.mkdir(shop.path(FILE))
        await shop.judge(FILE)
        assert await shop.codes(FILE) == ["not-a-regular-file"]

    play(tmp_path, scenario)


def test_two_models_finish_once_each(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        results: list[str] = []
        shop.feed.add_health(lambda result: results.append(result.model_id), asyncio.get_running_loop())
        shop.crew.start(shop.feed.run())
        for name in "ab":
            for number in range(6):
                shop.put(f"{name}/w-0000{number}-of-00006.safetensors", sample(number, 5000, 2))
        await shop.sweep()
        await shop.feed.delivered()
        assert sorted(results) == ["a", "b"]

    play(tmp_path, scenario)


def test_shutdown_in_the_middle_of_a_read_leaves_the_state_sound(tmp_path: Path) -> None:
    state = os.fsencode(tmp_path / "state.db")

    async def interrupted(shop: Workshop) -> None:
        shop.put(FILE, WEIGHTS)
        stuck = shop.engine.stuck = asyncio.Event()
        await shop.queue.put(Task(shop.path(FILE), shop.root, Priority.CHANGED))
        await stuck.wait()

    async def resumed(shop: Workshop) -> None:
        known = await shop.state(FILE)
        assert known is not None
        assert known.record.judged_at is None
        await shop.sweep()
        assert await shop.codes(FILE) == []
        assert (await shop.result(MODEL)).health_status is HealthStatus.HEALTHY
        assert await shop.database.read(models.without_files) == ()

    play(tmp_path, interrupted, state=state)
    play(tmp_path, resumed, state=state)
