"""The same paths below two roots: two models, each with an id of its own that outlives restarts."""

from __future__ import annotations

import os
from pathlib import Path

from tests.fakes.safetensors_files import sample
from tests.support.control import Control
from tests.support.daemons import Home
from tests.support.damage import edit, flip_bit

NAMES = ["flux/w.safetensors", "lora.safetensors"]


def statuses(control: Control) -> dict[str, str]:
    return {model["id"]: model["status"] for model in control.get("/v1/models")["models"]}


def fill(root: Path) -> None:
    for number, name in enumerate(NAMES):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(sample(number, 100_000, 3))


def test_the_same_paths_below_two_roots_are_two_models(home: Home) -> None:
    other = home.folder / "other"
    fill(home.models)
    fill(other)
    home.own(other)
    home.configure([home.models, other])
    plain = {"flux", "lora.safetensors"}
    beside = {f"{model_id}@{os.fspath(other)}" for model_id in plain}
    for _ in range(2):
        with home.running() as daemon:
            daemon.control.await_kind(0, "sweep-finished")
            assert statuses(daemon.control) == dict.fromkeys(plain | beside, "healthy")
    with home.running() as daemon:
        since = daemon.control.last_event()
        edit(other / NAMES[0], flip_bit(50_000))
        daemon.control.await_event(since, lambda event: event["kind"] == "finding-opened")
        hurt = f"flux@{os.fspath(other)}"
        assert statuses(daemon.control) == {**dict.fromkeys(plain | beside, "healthy"), hurt: "corrupted"}
