"""`may I load this model now?`, asked of a daemon while things happen to the model."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.fakes.safetensors_files import sample
from tests.support.control import Control, Document, until
from tests.support.daemons import Home
from tests.support.damage import flip_bit

MODEL = "wan"
SIZE_BYTES = 300_000


def gate(control: Control) -> Document:
    found: Document = control.get(f"/v1/models/{quote(MODEL)}/gate")["gate"]
    return found


def await_gate(control: Control, code: str) -> Document:
    return until(lambda: found if (found := gate(control))["code"] == code else None, f"the gate says {code}")


@pytest.fixture
def weights(home: Home) -> Path:
    home.put(f"{MODEL}/config.json", b'{"model_type": "wan"}')
    return home.put(f"{MODEL}/model.safetensors", sample(1, SIZE_BYTES, 4))


def test_it_opens_for_what_is_sound_and_closes_for_what_is_not(home: Home, weights: Path) -> None:
    with home.running() as daemon:
        control = daemon.control
        control.await_status(MODEL, "healthy")
        assert await_gate(control, "healthy")["go"]
        with weights.open("r+b") as file:
            flip_bit(SIZE_BYTES // 2)(file)
        closed = await_gate(control, "corrupted")
        assert (closed["go"], closed["status"]) == (False, "corrupted")
        assert [finding["code"] for finding in closed["findings"]] == ["checksum-mismatch"]
        with weights.open("r+b") as file:
            flip_bit(SIZE_BYTES // 2)(file)
        assert await_gate(control, "healthy")["findings"] == []
        answered = home.healthctl("gate", MODEL)
        assert (answered.returncode, answered.stderr) == (0, "")


def test_it_is_closed_at_once_while_somebody_writes(home: Home, weights: Path) -> None:
    with home.running() as daemon:
        control = daemon.control
        control.await_status(MODEL, "healthy")
        await_gate(control, "healthy")
        with weights.open("r+b") as file:
            first = file.read(1)
            file.seek(0)
            file.write(first)
            file.flush()
            told = gate(control)  # no event was waited for: the file itself is looked at
            assert (told["go"], told["code"], told["status"]) == (False, "changing", "healthy")
            assert "model.safetensors changed" in told["reason"]
        until(lambda: found if (found := gate(control))["code"] != "changing" else None, "it is judged anew")
        partial = home.put(f"{MODEL}/extra.safetensors.part", b"x" * 1000)
        assert "extra.safetensors.part" in await_gate(control, "changing")["reason"]
        partial.unlink()
        weights.rename(home.folder / "aside")
        assert gate(control)["code"] in ("changing", "missing")
        assert not await_gate(control, "missing")["go"]


def test_nothing_passes_from_a_root_that_is_gone(home: Home, weights: Path) -> None:
    with home.running() as daemon:
        control = daemon.control
        control.await_status(MODEL, "healthy")
        home.models.rename(home.folder / "elsewhere")
        assert not gate(control)["go"]
        assert "not there" in await_gate(control, "out-of-reach")["reason"]
        os.rename(home.folder / "elsewhere", home.models)
        assert await_gate(control, "healthy")["go"]
