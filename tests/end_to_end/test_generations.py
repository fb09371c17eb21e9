"""Announced generations by a real daemon: over a reload, a stop and a kill, and by the hands of its user."""

from __future__ import annotations

from tests.support.control import Control, Document, until
from tests.support.daemons import Home

MODEL = "Wan-AI/Wan2.2-TI2V-5B"


def announced(control: Control) -> list[Document]:
    found: list[Document] = control.get("/v1/generations")["generations"]
    return found


def test_an_announcement_in_force_outlives_reload_stop_and_kill(home: Home) -> None:
    home.put("m/blob.bin", b"bytes")
    with home.running() as daemon:
        begun = home.control.post("/v1/generations/start", {"model": MODEL, "note": "the night"})["generation"]
        assert announced(home.control) == [begun]
        assert home.healthctl("reload", "--wait").returncode == 0
        assert announced(home.control) == [begun]
        assert daemon.stop() == 0
    with home.running() as daemon:
        assert announced(home.control) == [begun]
        daemon.kill()
    with home.running():
        assert announced(home.control) == [begun]
        shown = home.healthctl("generation").stdout
        assert shown.startswith(f"{begun['id']}  uid {begun['uid']}: {MODEL}, the night\n")
        assert home.healthctl("generation", "end", str(begun["id"])).stdout == f"generation {begun['id']} has ended\n"
        assert announced(home.control) == []
        short = home.control.post("/v1/generations/start", {"expires_in_seconds": 1})["generation"]
        until(lambda: {} if announced(home.control) == [] else None, "it expires")
        assert not home.control.post(f"/v1/generations/{short['id']}/end", {})["was_open"]


def test_a_command_is_announced_while_it_runs(home: Home) -> None:
    with home.running():
        told = home.healthctl("generation", "run", MODEL, "--", "cat", str(home.config))
        assert (told.returncode, told.stdout, told.stderr) == (0, home.config.read_text(), "")
        assert announced(home.control) == []
