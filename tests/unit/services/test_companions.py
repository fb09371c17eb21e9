"""What a ComfyUI model lacks beside it is told once, when all was seen, and cleared when it comes or is accepted."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.fakes.wan_files import i2v, lora, stranger, t2v, ti2v, vae
from tests.fakes.workshop import Workshop
from tests.unit.services.scenario import play
from wan_healthd.domain.errors import FileNotKnown
from wan_healthd.domain.verdicts import HealthStatus
from wan_healthd.services.orders import Order
from wan_healthd.services.queue import Priority
from wan_healthd.store import contents

MODEL = "models/unet/t2v.safetensors"
VAE = "models/vae/mine.safetensors"
PLACE = "models/vae/wan_2.1_vae.safetensors"


def furnish(shop: Workshop, *folders: str) -> None:
    for folder in folders:
        os.makedirs(shop.path(folder), exist_ok=True)


async def missing(shop: Workshop, model_id: str = MODEL) -> list[str]:
    result = await shop.result(model_id)
    found = [issue for issue in result.issues if issue.code == "companion-missing"]
    assert (result.health_status is HealthStatus.DEGRADED) == bool(found), result
    return [os.path.relpath(issue.path or "", os.fsdecode(shop.root)) for issue in found]


def alerts(shop: Workshop) -> list[tuple[str, str | None]]:
    return [(a.kind.name, a.model_id) for a in shop.sink.alerts if a.finding and a.finding.code == "companion-missing"]


async def told(shop: Workshop) -> list[tuple[str, str | None]]:
    return [
        (event.kind.value, event.model_id)
        for event in await shop.events()
        if event.finding and event.finding.code == "companion-missing"
    ]


def test_it_is_told_once_and_cleared_once(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put(MODEL, t2v())
        shop.put("models/vae/other.safetensors", vae(48))
        for _ in range(2):
            await shop.sweep()
            assert await missing(shop) == [PLACE]
        assert await told(shop) == [("finding-opened", MODEL)]
        assert alerts(shop) == [("model-degraded", MODEL)]
        shop.put(VAE, vae(16))
        await shop.judge(VAE)
        assert await missing(shop) == []
        assert await told(shop) == [("finding-opened", MODEL), ("finding-cleared", MODEL)]
        assert alerts(shop) == [("model-degraded", MODEL), ("finding-cleared", MODEL)]
        os.unlink(shop.path(VAE))
        await shop.judge(VAE)
        assert await missing(shop) == [PLACE], "it went, and with it all that there was"

    play(tmp_path, scenario)


def test_each_needs_its_own(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        names = {"unet/i.safetensors": i2v(), "diffusion_models/b.safetensors": ti2v(), "loras/l.safetensors": lora()}
        for name, content in names.items():
            shop.put(name, content)
        shop.put("vae/a.safetensors", vae(16))
        furnish(shop, "clip")
        await shop.sweep()
        text = "clip/umt5_xxl_fp8_e4m3fn_scaled.safetensors"
        assert await missing(shop, "unet/i.safetensors") == [text]
        assert await missing(shop, "diffusion_models/b.safetensors") == ["vae/wan2.2_vae.safetensors", text]
        assert await missing(shop, "loras/l.safetensors") == await missing(shop, "vae/a.safetensors") == []

    play(tmp_path, scenario)


@pytest.mark.parametrize(
    "there",
    [
        {},
        {"models/vae/x.safetensors": stranger()},
        {"models/vae/x.gguf": b"no such thing"},
        {"models/vae/deep/x.safetensors": vae(16)},
        {"elsewhere/x.safetensors": vae(16)},
        {"models/unet/vae.safetensors": vae(16)},
    ],
    ids=str,
)
def test_whoever_may_have_it_is_not_accused(tmp_path: Path, there: dict[str, bytes]) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put(MODEL, t2v())
        furnish(shop, *(["models/vae"] if there else []))
        for name, content in there.items():
            shop.put(name, content)
        await shop.sweep()
        assert await missing(shop) == []

    play(tmp_path, scenario)


def test_a_folder_that_is_linked_or_holds_a_link_to_one_is_not_known(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put(MODEL, t2v())
        furnish(shop, "models/vae", "kept")
        os.symlink(shop.path("kept"), shop.path("models/text_encoders"))
        os.symlink(shop.path("kept"), shop.path("models/vae/more"))
        await shop.sweep()
        assert await missing(shop) == []
        os.unlink(shop.path("models/vae/more"))
        await shop.sweep(folder="models/vae")
        assert await missing(shop) == [PLACE]

    play(tmp_path, scenario)


@pytest.mark.parametrize("partial", ["models/vae/v.safetensors.part", "models/.cache/huggingface/download/vae/x.incomplete"])
def test_what_is_still_being_fetched_is_not_missed(tmp_path: Path, partial: str) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put(MODEL, t2v())
        furnish(shop, "models/vae")
        path, now_s = shop.put(partial, b"x"), shop.clock.now().timestamp()
        os.utime(path, (now_s, now_s))
        await shop.sweep()
        assert await missing(shop) == []
        shop.clock.advance(3600)
        await shop.sweep()
        assert await missing(shop) == [PLACE], "nobody writes it any more"

    play(tmp_path, scenario)


def test_nothing_is_said_before_every_file_was_judged(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put(MODEL, t2v())
        furnish(shop, "models/vae")
        shop.put("z/y.safetensors", vae(16))
        await shop.sweep_roster()
        await shop.judge(MODEL)
        assert await missing(shop) == []
        await shop.judge("z/y.safetensors")
        os.unlink(shop.path("z/y.safetensors"))
        shop.put("z/x.safetensors", stranger())
        await shop.sweep_roster()
        await shop.judge("z/y.safetensors")
        assert await missing(shop) == [], "the other one may be it"
        await shop.judge("z/x.safetensors")
        assert await missing(shop) == [PLACE]
        assert alerts(shop) == [("model-degraded", MODEL)]

    play(tmp_path, scenario)


def test_what_is_missed_stays_so_while_something_arrives(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put(MODEL, t2v())
        furnish(shop, "models/vae")
        await shop.sweep()
        shop.put(VAE, vae(48))
        await shop.sweep_roster()
        await shop.judge(MODEL)
        assert await missing(shop) == [PLACE]
        await shop.judge(VAE)
        assert await missing(shop) == [PLACE]
        assert await told(shop) == [("finding-opened", MODEL)]
        (issue,) = [i for i in (await shop.result(MODEL)).issues if i.code == "companion-missing"]
        assert "only the Wan 2.2 VAE is here" in issue.message

    play(tmp_path, scenario)


def test_a_folder_that_goes_takes_the_reproach_along(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put(MODEL, t2v())
        furnish(shop, "models/vae")
        await shop.sweep()
        shutil.rmtree(shop.path("models/vae"))
        await shop.sweep(folder="models/vae")
        assert await missing(shop) == []

    play(tmp_path, scenario)


def test_a_lost_root_may_hold_it(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put(MODEL, t2v())
        shop.put(VAE, vae(16))
        await shop.sweep()
        os.rename(shop.root, shop.root + b".away")
        await shop.sweep()
        os.rename(shop.root + b".away", shop.root)
        await shop.sweep()
        assert await missing(shop) == [] and alerts(shop) == []

    play(tmp_path, scenario)


@pytest.mark.parametrize("by_name", [True, False])
def test_accepting_that_it_is_absent_lasts(tmp_path: Path, by_name: bool) -> None:
    async def scenario(shop: Workshop) -> None:
        for name in (MODEL, "models/unet/other.safetensors"):
            shop.put(name, t2v())
        furnish(shop, "models/vae", "models/clip")
        await shop.sweep()
        text = "models/clip/umt5_xxl_fp8_e4m3fn_scaled.safetensors"
        assert await missing(shop) == [PLACE, text]
        shown = [os.fsdecode(shop.path(PLACE))] if by_name else []
        result = await shop.trust.trust(MODEL, shown, uid=7, reason="it is on another disk")
        assert result is not None and len(result.issues) == (1 if by_name else 0)
        given = [event.message for event in await shop.events() if event.kind == "trust-given"]
        assert f"uid 7 accepted that {os.fsdecode(shop.path(PLACE))} is absent, because: it is on another disk" in given
        assert len(given) == (1 if by_name else 3)
        await shop.full_sweep()
        left = [text] if by_name else []
        assert (await missing(shop), await missing(shop, "models/unet/other.safetensors")) == (left, left)
        with pytest.raises(FileNotKnown):
            await shop.trust.trust(MODEL, [os.fsdecode(shop.path(PLACE))], uid=7, reason="")

    play(tmp_path, scenario)


def test_a_kind_is_kept_with_the_content(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put(VAE, vae(16))
        await shop.sweep()
        state = await shop.state(VAE)
        assert state is not None and state.content is not None
        number = state.content.id
        kind = await shop.database.read(lambda db: db.execute("SELECT kind FROM content WHERE id = ?", (number,)).fetchone())
        assert kind == ("wan-vae-2.1",)
        await shop.database.write(lambda db: contents.identify(db, number, None))
        await shop.sweep(Order(Priority.REQUESTED))
        kind = await shop.database.read(lambda db: db.execute("SELECT kind FROM content WHERE id = ?", (number,)).fetchone())
        assert kind == ("wan-vae-2.1",), "heard again whenever the file is judged"

    play(tmp_path, scenario)


def test_people_are_told_over_restarts_once(tmp_path: Path) -> None:
    state = os.fsencode(tmp_path / "state.db")
    told_of: list[list[tuple[str, str | None]]] = []

    async def scenario(shop: Workshop) -> None:
        shop.put(MODEL, t2v())
        furnish(shop, "models/vae")
        await shop.sweep()
        assert await missing(shop) == [PLACE]
        told_of.append(alerts(shop))

    for _ in range(2):
        play(tmp_path, scenario, state=state)
    assert told_of == [[("model-degraded", MODEL)], []]
