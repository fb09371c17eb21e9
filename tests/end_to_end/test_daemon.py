"""The daemon's life as a service of an unprivileged user: start, tell, reload, refuse, stop; and what its clients get."""

from __future__ import annotations

import json
import stat
import subprocess
import time
from pathlib import Path

import pytest

from tests.fakes.safetensors_files import sample
from tests.support.control import Control, Document
from tests.support.daemons import HEALTHCTL, READY, STOP_S, Home, RunningDaemon
from tests.support.damage import block_of, edit, flip_bit, tensors_in
from tests.support.unprivileged import Unprivileged

MODEL = "wan.safetensors"
CONTENT = sample(7, 3_000_000, 12)
FLIPPED_BYTE = 2_500_000
CORRUPTION_FOUND = "8982e34631bc4dd9816a6c9f6db87bd7"
"""The MESSAGE_ID of the alert, stated here anew: the message catalogue and people's monitors match on it."""

pytestmark = pytest.mark.unprivileged


@pytest.fixture
def home(unprivileged_home: Home) -> Home:
    """With one intact model, complete before the daemon starts."""
    unprivileged_home.put(MODEL, CONTENT)
    return unprivileged_home


def started(daemon: RunningDaemon) -> Control:
    """Wait until everything was read once."""
    daemon.control.await_kind(0, "sweep-finished")
    return daemon.control


def flip(home: Home) -> Path:
    edit(home.models / MODEL, flip_bit(FLIPPED_BYTE))
    return home.models / MODEL


# Start and stop


def test_ready_means_that_the_socket_answers(home: Home) -> None:
    with home.running() as daemon:  # which has waited for READY=1 and for nothing else
        assert daemon.control.get("/healthz") == {"schema": 1, "ok": True}
        version = daemon.control.get("/v1/version")
        assert version["pid"] == daemon.process.pid
        status = Path(f"/proc/{daemon.process.pid}/status").read_text()
        assert f"Uid:\t{home.uid}\t" in status


def test_the_service_manager_hears_a_heartbeat_and_how_the_models_are(home: Home) -> None:
    with home.running({"WATCHDOG_USEC": "500000"}) as daemon:
        started(daemon)
        daemon.await_told("WATCHDOG=1".__eq__)
        daemon.await_told(lambda line: line.startswith("STATUS=1 models, all healthy"))


def test_every_file_is_read_and_the_status_is_healthy(home: Home) -> None:
    with home.running() as daemon:
        status = started(daemon).status()
        assert (status["status"], status["overall_health_score"], status["issues"]) == ("healthy", 1.0, [])
        (row,) = status["models"]
        assert (row["id"], row["status"], row["size_bytes"]) == (MODEL, "healthy", len(CONTENT))
        assert status["activity"] == {"queued": 0, "reading": [], "bytes_read": len(CONTENT)}
        timers = {timer["name"] for timer in status["timers"]}
        assert timers == {"incremental-sweep", "full-sweep", "storage-sweep", "exposure-check"}


def test_nothing_is_ever_written_among_the_models(home: Home) -> None:
    def looks() -> dict[str, int]:
        return {str(path): path.stat().st_ctime_ns for path in [home.models, *home.models.rglob("*")]}

    before = looks()
    with home.running() as daemon:
        started(daemon).check(MODEL, full=True)
        assert daemon.stop() == 0
    assert looks() == before


def test_sigterm_ends_it_in_time_and_cleanly(home: Home) -> None:
    with home.running() as daemon:
        started(daemon)
        began = time.monotonic()
        assert daemon.stop() == 0
        assert time.monotonic() - began < STOP_S
        assert "STOPPING=1" in daemon.await_told(lambda line: line == "STOPPING=1")[-1]
        assert len(daemon.alerts("daemon-stopped")) == 1
    assert not home.socket.exists()


# Damage while it runs


def test_a_flipped_bit_is_named_in_an_event_and_an_alert(home: Home) -> None:
    with home.running() as daemon:
        control = started(daemon)
        since = control.last_event()
        path = flip(home)
        event = control.await_kind(since, "finding-opened")
        finding = event["finding"]
        assert (event["model_id"], event["path"]) == (MODEL, str(path))
        assert (finding["corruption_type"], finding["severity"], finding["cause"]) == ("checksum_mismatch", "high", "rewritten")
        block = block_of(FLIPPED_BYTE, len(CONTENT))
        assert finding["ranges"] == [block]
        assert set(finding["tensors"]) == tensors_in(CONTENT, **block)
        changed = control.await_kind(since, "status-changed")
        assert (changed["model_id"], changed["status"]) == (MODEL, "corrupted")
        numbers = [event["seq"] for event in control.events()]
        assert numbers == sorted(set(numbers))
        control.check(MODEL)  # confirms it, and must not alert again
        (alert,) = daemon.await_alerts("corruption-found")
    assert alert["MESSAGE_ID"] == CORRUPTION_FOUND
    assert alert["PRIORITY"] == "2"
    assert alert["MESSAGE"] == f"{MODEL}: {finding['message']}"
    assert "block 2" in alert["MESSAGE"]
    assert finding["tensors"][0] in alert["MESSAGE"]
    assert {name: value for name, value in alert.items() if name.startswith("WAN_")} == {
        "WAN_EVENT": "corruption-found",
        "WAN_ALERT": "critical",
        "WAN_MODEL": MODEL,
        "WAN_FILE": str(path),
        "WAN_FINDING": "checksum-mismatch",
        "WAN_SEVERITY": "high",
        "WAN_CAUSE": "rewritten",
        "WAN_REPAIR": finding["suggestion"],
    }


def test_an_alert_clears_when_the_finding_does(home: Home) -> None:
    with home.running() as daemon:
        control = started(daemon)
        since = control.last_event()
        flip(home)
        control.await_kind(since, "finding-opened")
        flip(home)
        control.await_kind(since, "finding-cleared")
        control.await_status(MODEL, "healthy")
        (alert,) = daemon.await_alerts("finding-cleared")
        assert (alert["PRIORITY"], alert["WAN_ALERT"], alert["WAN_FILE"]) == ("6", "info", str(home.models / MODEL))


def test_damage_done_while_it_was_away_is_found_at_the_next_start(home: Home) -> None:
    with home.running() as daemon:
        started(daemon)
        assert daemon.stop() == 0
    edit(home.models / MODEL, flip_bit(FLIPPED_BYTE), keep_mtime=True)
    with home.running() as daemon:
        verdict = daemon.control.await_status(MODEL, "corrupted")
        assert verdict["issues"][0]["ranges"] == [block_of(FLIPPED_BYTE, len(CONTENT))]


def test_a_file_that_may_no_longer_be_read_is_a_permission_error(home: Home) -> None:
    path = home.models / MODEL
    mode = stat.S_IMODE(path.stat().st_mode)
    with home.running() as daemon:
        control = started(daemon)
        since = control.last_event()
        path.chmod(0)
        finding = control.await_kind(since, "finding-opened")["finding"]
        assert (finding["corruption_type"], finding["path"]) == ("permission_error", str(path))
        assert not control.check(MODEL, full=True)["is_healthy"]
        path.chmod(mode)
        assert control.check(MODEL)["health_status"] == "healthy"


def test_a_file_that_could_never_be_read_is_a_permission_error(home: Home) -> None:
    (home.models / MODEL).chmod(0)
    with home.running() as daemon:
        verdict = started(daemon).model(MODEL)
        assert (verdict["is_healthy"], verdict["corruption_types"]) == (False, ["permission_error"])


def test_a_root_that_is_absent_is_a_finding_and_no_failure(home: Home) -> None:
    later = home.folder / "later"
    home.configure([home.models, later])
    with home.running() as daemon:
        status = started(daemon).status()
        assert status["status"] == "unknown"
        (issue,) = status["issues"]
        assert (issue["code"], issue["path"]) == ("root-unreachable", str(later))
        assert [model["status"] for model in status["models"]] == ["healthy"]
        assert len(daemon.await_alerts("root-lost")) == 1


# Reload


def test_a_reload_takes_the_new_configuration(home: Home) -> None:
    more = home.folder / "more"
    more.mkdir()
    (more / "second.safetensors").write_bytes(sample(8, 100_000, 6))
    with home.running() as daemon:
        control = started(daemon)
        since = control.last_event()
        home.configure([home.models, more])
        daemon.hang_up()
        (reloading,) = [told for told in daemon.await_told(READY) if "RELOADING=1" in told]
        assert "MONOTONIC_USEC=" in reloading
        assert str(more) in control.await_kind(since, "config-reloaded")["message"]
        control.await_status("second.safetensors", "healthy")
        assert control.status()["status"] == "healthy"
        assert control.get("/v1/version")["pid"] == daemon.process.pid


def test_a_reload_of_a_bad_configuration_leaves_the_old_one_in_force(home: Home) -> None:
    with home.running() as daemon:
        control = started(daemon)
        since = control.last_event()
        home.config.write_text(home.config.read_text() + "[health]\ncheck_intervall_hours = 1\n")
        daemon.hang_up()
        daemon.await_told(READY)
        assert "check_intervall_hours" in daemon.said()
        flip(home)
        control.await_kind(since, "finding-opened")  # it goes on watching
        assert not [event for event in control.events(since) if event["kind"] == "config-reloaded"]


# Refusals


def test_a_second_daemon_on_the_same_state_is_refused(home: Home) -> None:
    other = home.folder / "other.toml"
    other.write_text(home.config.read_text().replace(str(home.socket), str(home.folder / "other.sock")))
    home.own(other)
    with home.running() as daemon:
        refused = home.run(home.daemon_arguments(other))
        assert refused.returncode == 6
        assert "cannot use the state" in refused.stderr
        assert "another wan-healthd works on it" in refused.stderr
        assert "what to do: " in refused.stderr
        assert daemon.control.get("/healthz")["ok"]
    assert not (home.folder / "other.sock").exists()


def test_a_second_daemon_on_the_same_socket_is_refused(home: Home) -> None:
    with home.running() as daemon:
        refused = home.run(home.daemon_arguments())
        assert refused.returncode == 2
        assert "another wan-healthd answers there" in refused.stderr
        assert daemon.control.get("/healthz")["ok"]


def test_a_bad_configuration_is_refused_with_all_its_errors(home: Home) -> None:
    home.config.write_text('colour = "blue"\n[health]\ncheck_interval_hours = "often"\n')
    refused = home.run(home.daemon_arguments())
    assert refused.returncode == 2
    assert "colour" in refused.stderr
    assert "check_interval_hours" in refused.stderr


# Clients


def test_the_socket_is_for_owner_and_group(home: Home) -> None:
    with home.running():
        facts = home.socket.stat()
        assert stat.S_ISSOCK(facts.st_mode)
        assert stat.S_IMODE(facts.st_mode) == 0o660
        assert facts.st_uid == home.uid


def curl(home: Home, *arguments: str) -> tuple[int, Document]:
    """As the contract and the README write it; returns the HTTP status and the document."""
    done = subprocess.run(
        ["curl", "--silent", "--show-error", "--unix-socket", home.socket, "--write-out", "\n%{http_code}", *arguments],
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    )
    body, _, code = done.stdout.rpartition("\n")
    document: Document = json.loads(body)
    return int(code), document


def test_curl_gets_answers(home: Home) -> None:
    with home.running() as daemon:
        started(daemon)
        code, status = curl(home, "http://localhost/v1/status")
        assert (code, status["status"]) == (200, "healthy")
        code, answer = curl(home, "--json", '{"full": true}', f"http://localhost/v1/models/{MODEL}/check")
        assert (code, answer["job"]["kind"]) == (202, "full-check")
        assert daemon.control.result_of(answer["job"]["id"])["is_healthy"]
        code, answer = curl(home, "http://localhost/v1/models/absent")
        assert (code, answer["error"]["code"]) == (404, "model-not-found")
        assert answer["error"]["message"].startswith("cannot ")
        code, answer = curl(home, "--header", "Origin: http://elsewhere", "http://localhost/v1/status")
        assert code == 403


def test_healthctl_says_how_it_went_by_its_exit_status(home: Home) -> None:
    unreachable = home.healthctl("status")
    assert (unreachable.returncode, "cannot reach wan-healthd" in unreachable.stderr) == (3, True)
    with home.running() as daemon:
        control = started(daemon)
        assert home.healthctl("status").returncode == 0
        assert home.healthctl("check", MODEL).returncode == 0
        unknown = home.healthctl("check", "absent")
        assert (unknown.returncode, "absent" in unknown.stderr) == (5, True)
        since = control.last_event()
        flip(home)
        control.await_kind(since, "finding-opened")
        assert home.healthctl("status").returncode == 1
        assert home.healthctl("check", MODEL, "--full").returncode == 1
        shown = home.healthctl("files", MODEL, "--bad")
        assert "block" in shown.stdout or "offset" in shown.stdout
        assert any(tensor in shown.stdout for tensor in tensors_in(CONTENT, **block_of(FLIPPED_BYTE, len(CONTENT))))
        listed = json.loads(home.healthctl("--json", "events").stdout)
        assert listed["events"] == control.events()
        assert home.healthctl("trust", MODEL, "--yes", "--reason", "meant").returncode == 0
        assert home.healthctl("status").returncode == 0


def test_a_stranger_may_not_even_open_the_socket(home: Home, unprivileged: Unprivileged) -> None:
    for folder in (unprivileged.folder, home.folder):
        folder.chmod(0o755)
    with home.running():
        stranger = {**unprivileged.options(), "user": unprivileged.uid + 1, "group": unprivileged.uid + 1}
        refused = subprocess.run(
            [unprivileged.python, "-c", HEALTHCTL, "--socket", home.socket, "status"],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
            **stranger,
        )
        assert refused.returncode == 4, refused.stderr
        assert "cannot open" in refused.stderr
