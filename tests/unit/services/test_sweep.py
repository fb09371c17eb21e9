"""Sweeps: what is new, changed, gone; and which model it belongs to."""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path

import pytest

from tests.fakes.safetensors_files import sample
from tests.fakes.workshop import Workshop
from tests.unit.services.scenario import FILE, MODEL, OTHER, WEIGHTS, play
from wan_healthd.domain.alerts import ROOT_LOST
from wan_healthd.domain.models import Layout
from wan_healthd.domain.paths import is_at_or_below
from wan_healthd.domain.verdicts import HealthStatus
from wan_healthd.services.orders import Order
from wan_healthd.services.places import is_hidden, is_ignored
from wan_healthd.services.queue import Priority
from wan_healthd.services.steps import folders_above
from wan_healthd.store import models, paths

SMALL = sample(3, 4000, 2)


async def statuses(shop: Workshop) -> dict[str, HealthStatus]:
    return {model_id: (await shop.result(model_id)).health_status for model_id in await shop.model_ids()}


async def files_of(shop: Workshop, model_id: str) -> list[str]:
    found = await shop.database.read(lambda db: models.file_paths(db, model_id))
    return [os.fsdecode(path[len(shop.root) + 1 :]) for path in found]


def test_everything_is_found_and_judged(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put("flux/w.safetensors", SMALL)
        shop.put("flux/config.json", b'{"a": 1}')
        shop.put("flux/tokenizer/added.txt", b"x")
        shop.put("loras/a.safetensors", SMALL)
        shop.put("loras/b.safetensors", SMALL)
        shop.put("notes.md", b"x")
        found = await shop.sweep()
        assert await statuses(shop) == dict.fromkeys(
            ["flux", "loras/a.safetensors", "loras/b.safetensors"], HealthStatus.HEALTHY
        )
        assert await files_of(shop, "flux") == ["flux/config.json", "flux/tokenizer/added.txt", "flux/w.safetensors"]
        assert (found.unclaimed, found.unclaimed_count) == ([shop.path("notes.md")], 1)

    play(tmp_path, scenario)


def test_only_what_changed_is_enqueued(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put("flux/a-00001-of-00002.safetensors", SMALL)
        shop.put("flux/a-00002-of-00002.safetensors", SMALL)
        await shop.sweep()
        shop.engine.requests.clear()
        events = len(await shop.events())
        await shop.sweep()
        assert shop.engine.requests == []
        assert len(await shop.events()) == events, "a sweep without news makes no event"
        shop.put("flux/a-00002-of-00002.safetensors", sample(9, 4000, 2))
        await shop.sweep()
        assert len(shop.engine.requests) == 2, "the changed file, and the second look at what differs"
        assert await shop.codes("flux/a-00002-of-00002.safetensors") == ["checksum-mismatch"]

    play(tmp_path, scenario)


@pytest.mark.parametrize("what", ["file", "folder", "subfolder"])
def test_what_vanished_is_missed(tmp_path: Path, what: str) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put("flux/w.safetensors", SMALL)
        shop.put("flux/vae/v.safetensors", SMALL)
        shop.put("keep/w.safetensors", SMALL)
        await shop.sweep()
        if what == "file":
            os.unlink(shop.path("flux/vae/v.safetensors"))
        else:
            shutil.rmtree(shop.path("flux" if what == "folder" else "flux/vae"))
        await shop.sweep()
        assert await shop.codes("flux/vae/v.safetensors") == ["file-missing"]
        expected = HealthStatus.MISSING if what == "folder" else HealthStatus.CORRUPTED
        assert await statuses(shop) == {"flux": expected, "keep": HealthStatus.HEALTHY}

    play(tmp_path, scenario)


def test_a_folder_model_keeps_its_id(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put("flux/a.safetensors", SMALL)
        await shop.sweep()
        shop.put("flux/b.safetensors", SMALL)
        await shop.sweep()
        assert await shop.model_ids() == ["flux"]
        assert await files_of(shop, "flux") == ["flux/a.safetensors", "flux/b.safetensors"]

    play(tmp_path, scenario)


def test_single_files_become_a_folder_model(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put("flux/a.safetensors", SMALL)
        shop.put("flux/b.safetensors", SMALL)
        await shop.sweep()
        assert await shop.model_ids() == ["flux/a.safetensors", "flux/b.safetensors"]
        shop.put("flux/model_index.json", b'{"a": 1}')
        await shop.sweep()
        assert await statuses(shop) == {"flux": HealthStatus.HEALTHY}
        assert len(await files_of(shop, "flux")) == 3
        assert await shop.told("flux/a.safetensors") == [
            "model-appeared",
            "status-changed",
            "status-changed",
            "model-forgotten",
        ]

    play(tmp_path, scenario)


@pytest.mark.parametrize("folder", ["flux/transformer", "flux", None])
def test_a_sweep_of_a_part_claims_as_a_sweep_of_all(tmp_path: Path, folder: str | None) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put("flux/model.safetensors", SMALL)
        shop.put("flux/config.json", b'{"a": 1}')
        shop.put("flux/transformer/deep/w.safetensors", SMALL)
        await shop.sweep(folder=folder)
        assert await shop.model_ids() == ["flux"]
        assert "flux/transformer/deep/w.safetensors" in await files_of(shop, "flux")

    play(tmp_path, scenario)


def test_a_root_that_is_lost_and_returns(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put(FILE, SMALL)
        await shop.sweep()
        os.rename(shop.root, shop.root + b"-away")
        for _ in range(2):
            await shop.sweep()
            await shop.jobs.check(MODEL, full=False)
        assert shop.sink.names == [], "it may return in a moment"
        shop.clock.advance(ROOT_LOST.shows_after_s)
        await shop.alerter.tell_due()
        assert await statuses(shop) == {MODEL: HealthStatus.UNKNOWN}
        assert await shop.codes(FILE) == []
        os.rename(shop.root + b"-away", shop.root)
        await shop.sweep()
        assert await statuses(shop) == {MODEL: HealthStatus.HEALTHY}
        told = [kind for kind in await shop.told() if kind.startswith("root")]
        assert told == ["root-lost", "root-returned"]
        assert shop.sink.names == ["root-lost", "root-returned"]

    play(tmp_path, scenario)


def test_a_single_file_below_a_lost_root_is_not_missing(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put("w.safetensors", SMALL)
        await shop.sweep()
        os.rename(shop.root, shop.root + b"-away")
        result = await shop.jobs.check("w.safetensors", full=False)
        assert result.health_status is HealthStatus.UNKNOWN
        await asyncio.to_thread(os.rename, shop.root + b"-away", shop.root)

    play(tmp_path, scenario)


def test_hidden_and_unfinished_names_are_not_looked_at(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        names = (".hidden.safetensors", ".cache/w.safetensors", "w.safetensors.part", "w.safetensors.incomplete", "w.bin~")
        for name in names:
            shop.put(name, SMALL)
        found = await shop.sweep()
        assert await shop.model_ids() == []
        assert found.unclaimed == []
        for name in names:
            assert await shop.judge(name) is None

    play(tmp_path, scenario)


@pytest.mark.parametrize(
    ("path", "hidden", "ignored"),
    [
        (b"/r/a/b", False, False),
        (b"/r/.git/b", True, True),
        (b"/r/a/.b", True, True),
        (b"/r/a.part", False, True),
        (b"/r/a.tmp/b", False, False),
        (b"/r", False, False),
    ],
)
def test_what_is_hidden(path: bytes, hidden: bool, ignored: bool) -> None:
    assert (is_hidden(b"/r", path), is_ignored(b"/r", path)) == (hidden, ignored)
    assert not is_hidden(b"/.r", b"/.r/x"), "a root may be hidden"


def test_folders_that_are_links_are_not_entered(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put(FILE, SMALL)
        os.symlink(shop.root, shop.path("loop"))
        os.symlink(shop.path("flux"), shop.path("again"))
        os.mkdir(tmp_path / "outside")
        (tmp_path / "outside" / "w.safetensors").write_bytes(SMALL)
        os.symlink(tmp_path / "outside", shop.path("outside"))
        await shop.sweep()
        assert await shop.model_ids() == ["flux"]

    play(tmp_path, scenario)


def test_a_stated_model_is_expected(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        await shop.sweep()
        assert await statuses(shop) == {"my-flux": HealthStatus.MISSING}
        shop.put(FILE, SMALL)
        await shop.sweep()
        assert await statuses(shop) == {"my-flux": HealthStatus.HEALTHY}
        shutil.rmtree(shop.path("flux"))
        await shop.sweep()
        assert await statuses(shop) == {"my-flux": HealthStatus.MISSING}

    play(tmp_path, scenario, stated=[("my-flux", "flux")])


def test_a_stated_model_that_is_one_file(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put("loras/a.safetensors", SMALL)
        await shop.sweep()
        assert await statuses(shop) == {"mine": HealthStatus.HEALTHY}
        record = await shop.database.read(lambda db: models.get(db, "mine"))
        assert record is not None
        assert record.model.layout is Layout.COMFYUI

    play(tmp_path, scenario, stated=[("mine", "loras/a.safetensors")])


def test_a_stated_model_that_moved_is_expected_at_its_new_place(tmp_path: Path) -> None:
    state = os.fsencode(tmp_path / "state.db")

    async def before(shop: Workshop) -> None:
        shop.put("old/w.safetensors", SMALL)
        await shop.sweep()
        assert await statuses(shop) == {"mine": HealthStatus.HEALTHY}

    async def after(shop: Workshop) -> None:
        await shop.sweep()
        assert await statuses(shop) == {"mine": HealthStatus.MISSING, "old": HealthStatus.HEALTHY}

    play(tmp_path, before, stated=[("mine", "old")], state=state)
    play(tmp_path, after, stated=[("mine", "new")], state=state)


def test_an_unstated_model_without_files_is_struck_off(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put(FILE, SMALL)
        await shop.sweep()
        state = await shop.state(FILE)
        assert state is not None
        record = state.record
        os.unlink(shop.path(FILE))
        await shop.database.write(lambda db: paths.forget(db, record.id))
        shop.put("other/w.safetensors", SMALL)
        await shop.sweep()
        assert await shop.model_ids() == ["other"]
        assert (await shop.told(MODEL))[-1] == "model-forgotten"

    play(tmp_path, scenario)


def test_asked_for_is_judged_although_nothing_changed(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put(FILE, WEIGHTS)
        await shop.sweep()
        shop.clock.advance(30)
        await shop.sweep(Order(Priority.REQUESTED))
        state = await shop.state(FILE)
        assert state is not None
        assert state.record.judged_at == shop.clock.now()

    play(tmp_path, scenario)


def test_bringing_the_roster_up_to_date_judges_nothing(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put(FILE, OTHER)
        await shop.sweep(Order(Priority.REQUESTED, judges=False))
        assert await statuses(shop) == {MODEL: HealthStatus.UNKNOWN}
        assert len(shop.queue) == 0

    play(tmp_path, scenario, lanes=False)


def test_a_folder_that_cannot_be_listed(tmp_path: Path) -> None:
    """Its files are judged by a look at each; what lies below is not forgotten."""

    async def scenario(shop: Workshop) -> None:
        shop.put("flux/w.safetensors", SMALL)
        shop.put("flux/deep/er/w.safetensors", SMALL)
        await shop.sweep()
        shutil.rmtree(shop.path("flux/deep"))
        shop.put("flux/deep", b"a file now")
        await shop.sweep(folder="flux/deep")
        assert await shop.codes("flux/deep/er/w.safetensors") == ["file-missing"]
        assert await shop.codes("flux/w.safetensors") == []

    play(tmp_path, scenario)


@pytest.mark.parametrize(
    ("root", "folder", "above"),
    [
        (b"/r", b"/r", []),
        (b"/r", b"/r/a", [b"/r"]),
        (b"/r", b"/r/a/b", [b"/r", b"/r/a"]),
        (b"/", b"/a/b", [b"/", b"/a"]),
    ],
)
def test_folders_above(root: bytes, folder: bytes, above: list[bytes]) -> None:
    assert folders_above(root, folder) == above


def test_below_is_not_beside() -> None:
    assert is_at_or_below(b"/r/a", b"/r")
    assert is_at_or_below(b"/r", b"/r")
    assert is_at_or_below(b"/r", b"/")
    assert not is_at_or_below(b"/ra", b"/r")
