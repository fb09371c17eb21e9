"""The daemon's own switches, over the socket: what it logs, and its configuration."""

from __future__ import annotations

import json

import pytest

from tests.fakes.safetensors_files import sample
from tests.support.control import Unexpected
from tests.support.daemons import Home


def test_a_reload_puts_the_new_configuration_in_force(home: Home) -> None:
    other = home.folder / "other"
    other.mkdir()
    (other / "new.safetensors").write_bytes(sample(1, 100_000, 4))
    with home.running() as daemon:
        home.configure([home.models, other])
        last_event = daemon.control.post("/v1/reload", {})["last_event"]
        daemon.await_ready()
        assert daemon.control.await_kind(last_event, "config-reloaded")["seq"] > last_event
        daemon.control.await_status("new.safetensors", "healthy")
        home.configure([home.models])
        answered = home.healthctl("reload", "--wait")
        assert (answered.returncode, answered.stderr) == (0, "")
        assert daemon.control.status()["models"] == []


def test_a_reload_of_a_bad_configuration_is_refused_with_all_that_is_wrong(home: Home) -> None:
    with home.running() as daemon:
        before = daemon.control.last_event()
        home.config.write_text("[[roots]]\npath = 7\n[nonsense]\n")
        with pytest.raises(Unexpected, match=r"422 .*config-invalid.*nonsense"):
            daemon.control.post("/v1/reload", {})
        assert daemon.control.last_event() == before
        assert daemon.control.status()["watching"]


def test_the_level_of_the_log_changes_while_it_runs(home: Home) -> None:
    with home.running() as daemon:
        daemon.control.post("/v1/sweeps/resume", {})
        assert acts(daemon.said()) == 1
        assert daemon.control.post("/v1/log-level", {"level": "error"}) == {"schema": 1, "level": "error"}
        daemon.control.post("/v1/sweeps/resume", {})
        daemon.control.post("/v1/log-level", {"level": "info"})
        daemon.control.post("/v1/sweeps/resume", {})
        assert acts(daemon.said()) == 3


def acts(said: str) -> int:
    """Acts that were logged."""
    return sum(json.loads(line).get("event") == "act" for line in said.splitlines() if line.startswith("{"))
