"""What the daemon's log holds: each thing once, nothing secret, as much as was asked for."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from tests.fakes.safetensors_files import sample
from tests.support.daemons import Home, RunningDaemon
from tests.support.damage import edit, flip_bit

MODEL = "wan.safetensors"
TOKEN = "hf_thisIsTheTokenThatNobodyMaySee"
STATED = """
[[models]]
id = "stated"
path = {path}
source = "hf:Wan-AI/Wan2.2-TI2V-5B"

[hub]
lookup = true
"""

pytestmark = pytest.mark.unprivileged


@pytest.fixture
def home(unprivileged_home: Home) -> Home:
    unprivileged_home.put(MODEL, sample(7, 3_000_000, 12))
    return unprivileged_home


def lines(daemon: RunningDaemon) -> list[dict[str, Any]]:
    return [json.loads(line) for line in daemon.said().splitlines()]


def told(line: dict[str, Any]) -> str:
    """What a line says: an alert's message, or a log's event."""
    return str(line.get("MESSAGE") or line["event"])


def test_what_an_alert_tells_is_not_logged_too(home: Home) -> None:
    with home.running() as daemon:
        daemon.control.await_kind(0, "sweep-finished")
        edit(home.models / MODEL, flip_bit(2_500_000))
        daemon.await_alerts("corruption-found")
        (home.models / MODEL).unlink()
        daemon.control.await_status(MODEL, "missing")
        assert daemon.stop() == 0
        said = Counter(told(line) for line in lines(daemon) if line.get("event") != "act")
    assert "daemon-started" in {line.get("WAN_EVENT") for line in lines(daemon)}
    assert [text for text, times in said.items() if times > 1] == []


def test_a_token_is_nowhere(home: Home) -> None:
    """The hub does not answer, and everything is logged."""
    home.configure([home.models], STATED.format(path=json.dumps(str(home.models / MODEL))))
    env = {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_TOKEN": TOKEN}
    with home.running(env) as daemon:
        assert home.healthctl("log-level", "debug").returncode == 0
        daemon.control.await_kind(0, "sweep-finished")
        assert home.healthctl("reload", "--wait").returncode == 0
        assert home.healthctl("check", "stated", "--full").returncode in (0, 1)
        answers = json.dumps([daemon.control.get(path) for path in ("/v1/status", "/v1/report", "/v1/events", "/v1/alerts")])
        daemon.stop()
        assert TOKEN not in daemon.said() + answers
    assert TOKEN.encode() not in home.database.read_bytes()


def test_the_level_is_what_healthctl_says(home: Home) -> None:
    with home.running() as daemon:
        assert home.healthctl("sweep", "pause").returncode == 0  # an act, which is logged as information
        said = home.healthctl("log-level", "warning")
        assert (said.returncode, said.stdout) == (0, "the daemon logs from level warning on, until it ends\n")
        assert home.healthctl("sweep", "resume").returncode == 0
        acts = [line["target"] for line in lines(daemon) if line.get("event") == "act"]
        assert acts == ["/v1/sweeps/pause", "/v1/log-level"]
        assert home.healthctl("log-level", "info").returncode == 0
        assert home.healthctl("sweep", "pause").returncode == 0
        assert [line["target"] for line in lines(daemon) if line.get("event") == "act"][2:] == ["/v1/sweeps/pause"]
