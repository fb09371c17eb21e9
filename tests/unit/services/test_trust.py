"""Trust: the present bytes become the truth, and nothing else does."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.fakes.workshop import Workshop
from tests.unit.services.scenario import FILE, MODEL, OTHER, WEIGHTS, play
from wan_healthd.domain.errors import FileNotKnown, ModelNotFound, RootUnreachable
from wan_healthd.domain.verdicts import HealthStatus, IntegrityResult
from wan_healthd.store import contents

THIRD = OTHER[:-1] + bytes([OTHER[-1] ^ 1])


async def trust(shop: Workshop, *names: str) -> IntegrityResult | None:
    shown = [os.fsdecode(shop.path(name)) for name in names]
    return await shop.trust.trust(MODEL, shown, uid=1000, reason="my own\nwork")


async def baseline(shop: Workshop, name: str = FILE) -> str | None:
    state = await shop.state(name)
    assert state is not None
    return None if state.expected is None else state.expected.expectation.sha256


async def told(shop: Workshop) -> list[str]:
    return [event.message for event in await shop.events() if event.kind == "trust-given"]


def test_a_changed_file(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put(FILE, WEIGHTS)
        await shop.sweep()
        shop.put(FILE, OTHER)
        await shop.sweep()
        shop.engine.requests.clear()
        result = await trust(shop, FILE)
        assert result is not None
        assert result.health_status is HealthStatus.HEALTHY
        assert shop.engine.requests == [], "what was read whole is not read again"
        (message,) = await told(shop)
        assert message.startswith("uid 1000 accepted the present bytes of ")
        assert message.endswith(", because: my own\\nwork")
        shop.put(FILE, WEIGHTS)
        await shop.sweep()
        assert await shop.codes(FILE) == ["checksum-mismatch"], "the old bytes are the wrong ones now"

    play(tmp_path, scenario)


def test_a_file_that_changed_after_it_was_judged(tmp_path: Path) -> None:
    """The present bytes are those on the disk, not those on record."""

    async def scenario(shop: Workshop) -> None:
        shop.put(FILE, WEIGHTS)
        await shop.sweep()
        shop.put(FILE, OTHER)
        await shop.sweep()
        shop.put(FILE, THIRD)  # and no hint came
        result = await trust(shop)
        assert result is not None
        assert result.health_status is HealthStatus.HEALTHY
        state = await shop.state(FILE)
        assert state is not None
        assert state.content is not None
        assert await baseline(shop) == state.content.sha256
        assert state.content.identity.mtime_ns == os.stat(shop.path(FILE)).st_mtime_ns

    play(tmp_path, scenario)


def test_removed_files(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put(FILE, WEIGHTS)
        shop.put("flux/config.json", b'{"a": 1}')
        await shop.sweep()
        os.unlink(shop.path("flux/config.json"))
        await shop.sweep()
        result = await trust(shop)
        assert result is not None
        assert (result.health_status, result.file_count) == (HealthStatus.HEALTHY, 1)
        os.unlink(shop.path(FILE))
        assert await trust(shop) is None
        assert await shop.model_ids() == []
        assert (await shop.told(MODEL))[-1] == "model-forgotten"
        count = await shop.database.read(lambda db: db.execute("SELECT count(*) FROM content").fetchone()[0])
        assert count == 0

    play(tmp_path, scenario)


def test_rotten_bytes_are_read_again(tmp_path: Path) -> None:
    """The block map on record is not of the bytes that the disk gives now."""

    async def scenario(shop: Workshop) -> None:
        shop.put(FILE, WEIGHTS)
        await shop.sweep()
        old = await baseline(shop)
        shop.engine.misread[1] = 10**9
        await shop.full_sweep()
        assert await shop.codes(FILE) == ["checksum-mismatch"]
        shop.engine.requests.clear()
        result = await trust(shop, FILE)
        assert result is not None
        assert result.health_status is HealthStatus.HEALTHY
        assert [request.blocks for request in shop.engine.requests] == [None]
        assert await baseline(shop) != old
        await shop.full_sweep()
        assert await shop.codes(FILE) == [], "the disk gives what was accepted"

    play(tmp_path, scenario)


def test_trust_of_one_path_launders_no_other(tmp_path: Path) -> None:
    """Two paths to one content: one is accepted as it rots, the other's baseline stays what it was."""

    async def scenario(shop: Workshop) -> None:
        path = shop.put(FILE, WEIGHTS)
        os.mkdir(shop.path("copy"))
        os.link(path, shop.path("copy/w.safetensors"))
        await shop.sweep()
        sound = await baseline(shop, "copy/w.safetensors")
        os.unlink(shop.path("copy/w.safetensors"))
        shop.put("copy/w.safetensors", OTHER)
        await shop.sweep()
        shop.engine.misread[1] = 10**9
        await shop.full_sweep()
        shop.engine.misread.clear()
        await trust(shop, FILE)
        await shop.database.write(contents.forget_unused)
        assert await baseline(shop, "copy/w.safetensors") == sound
        await shop.full_sweep()
        assert await shop.codes("copy/w.safetensors") == ["checksum-mismatch"]
        shop.put("copy/w.safetensors", WEIGHTS)
        await shop.sweep()
        assert await shop.codes("copy/w.safetensors") == []

    play(tmp_path, scenario)


def test_a_file_that_was_never_read_makes_its_baseline_with_the_next_read(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put(FILE, WEIGHTS)
        await shop.sweep_roster()
        result = await trust(shop)
        assert result is not None
        assert result.health_status is HealthStatus.HEALTHY
        assert await baseline(shop) is not None

    play(tmp_path, scenario)


def test_trust_makes_no_faulty_header_good(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put(FILE, WEIGHTS)
        await shop.sweep()
        shop.put(FILE, WEIGHTS[:-5])
        await shop.sweep()
        result = await trust(shop)
        assert result is not None
        assert result.health_status is HealthStatus.CORRUPTED

    play(tmp_path, scenario)


def test_refusals_change_nothing(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put(FILE, WEIGHTS)
        await shop.sweep()
        before = await baseline(shop)
        with pytest.raises(ModelNotFound):
            await shop.trust.trust("nobody", [], uid=0, reason="")
        with pytest.raises(FileNotKnown, match="stranger: it is not a file of flux"):
            await trust(shop, FILE, "stranger")
        os.rename(shop.root, shop.root + b"-away")
        with pytest.raises(RootUnreachable, match="cannot look at the folder"):
            await trust(shop)
        os.rename(shop.root + b"-away", shop.root)
        assert await baseline(shop) == before
        assert await told(shop) == []

    play(tmp_path, scenario)
