"""The life of an installation on a clean Debian: installed, asked, reconfigured, stopped, installed again, removed, purged.

These tests are one story for each suite: each step finds the machine as the one before left it. It runs in a container, so what
follows is stated in the unit but not enforced here: MemoryMax, MemoryHigh, TasksMax, CPUWeight, IOWeight, IPAddressDeny,
DevicePolicy and DeviceAllow. The state lies in memory: that it survives a power cut is shown by other tests.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import time
from pathlib import Path

import pytest

from tests.support.daemons import STOP_S
from tests.support.damage import edit, flip_bit
from tests.support.material import Material
from tests.support.system_service import CONFIG, PACKAGE, SOCKET_UNIT, UNIT, SystemService

pytestmark = pytest.mark.timeout(600)  # the first step may have to make a Debian and wait for somebody else's machine

WHOLE, BROKEN, CLOSED, REAL = "whole.safetensors", "broken.safetensors", "closed.safetensors", "real.ckpt"
TOKEN = "hf_tokenForTestsOnly0123456789"
MEMBER, STRANGER = "alice", "mallory"
LEFT_BY_US = ("/etc/wan-healthd", "/var/lib/wan-healthd", "/run/wan-healthd", "/usr/lib/wan-healthd", "/usr/bin/healthctl")
OURS = ("socket", "version", "root", "watching", "state", "state-files", "state-lock", "service", "priorities", "loops")
NOTICE = 5
"""Syslog priority: what is less is worse."""
PLACES = "/etc /usr /var/lib/systemd /run/systemd /run/credentials"


def digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def test_install(fresh: SystemService) -> None:
    said = fresh.install(PACKAGE)
    assert "Setting up wan-healthd" in said
    assert "warning" not in said.lower()
    assert fresh.shows("ActiveState") == "active"
    assert fresh.shows("StatusText")
    for unit in (UNIT, SOCKET_UNIT):
        assert fresh.systemctl("is-enabled", unit).stdout == "enabled\n"
    facts = fresh.inside("/run/wan-healthd/control.sock").stat()
    assert stat.filemode(facts.st_mode) == "srw-rw----"
    owner, group = fresh.machine.out("stat", "--format=%U %G", "/run/wan-healthd/control.sock").split()
    assert (owner, group) == ("root", "wan-health")
    assert fresh.daemon().username() != "root"


def test_who_may_ask(fresh: SystemService) -> None:
    fresh.machine.run("useradd", "--groups", "wan-health", MEMBER)
    fresh.machine.run("useradd", STRANGER)
    assert "0 models" in fresh.healthctl("status", ends=0).stdout
    assert "0 models" in fresh.healthctl("status", user=MEMBER, ends=0).stdout
    refused = fresh.healthctl("status", user=STRANGER, ends=4)
    assert refused.stdout == ""
    assert "wan-health" in refused.stderr, "it says which group one must be in"


def test_a_folder_is_named(fresh: SystemService, material: Material) -> None:
    for name in (WHOLE, BROKEN):
        fresh.put(name, material.silero.read_bytes())
    fresh.put(REAL, material.torch_zips[0].read_bytes())
    fresh.configure()
    fresh.systemctl("reload", UNIT)
    for name in (WHOLE, BROKEN, REAL):
        fresh.control.await_status(name, "healthy")
    assert fresh.healthctl("gate", WHOLE, user=MEMBER).returncode == 0


def test_a_bad_configuration_changes_nothing(fresh: SystemService) -> None:
    before = fresh.daemon()
    fresh.configure('[sweep]\nfull_every = "soon"\n', roots=("/srv/elsewhere",))
    told = fresh.systemctl("reload", UNIT, ends=None)
    assert told.returncode != 0, "whoever reloads is told"
    assert any("full_every" in record["MESSAGE"] for record in fresh.journal())
    assert fresh.daemon() == before
    assert fresh.shows("ActiveState") == "active"
    assert {row["id"] for row in fresh.control.status()["models"]} == {WHOLE, BROKEN, REAL}
    fresh.configure()
    fresh.systemctl("reload", UNIT)


def test_stopped_in_time_and_started_by_a_question(fresh: SystemService) -> None:
    began = time.monotonic()
    fresh.systemctl("stop", UNIT)
    assert time.monotonic() - began < STOP_S
    assert fresh.shows("Result") == "success"
    assert "3 models" in fresh.healthctl("status", user=MEMBER, ends=0).stdout
    assert fresh.shows("ActiveState") == "active"


def test_the_units(fresh: SystemService) -> None:
    run = fresh.machine.run
    verified = run("systemd-analyze", "verify", "--man=no", UNIT, SOCKET_UNIT)
    assert verified.stdout + verified.stderr == ""
    run("systemd-analyze", "security", "--no-pager", "--threshold=10", UNIT)  # tenths: at most 1.0


def test_a_secret_is_for_the_daemon_alone(fresh: SystemService) -> None:
    fresh.machine.shell(f"install -d -m 700 /etc/credstore; printf {TOKEN} | install -m 600 /dev/stdin /etc/credstore/hf-token")
    fresh.restart()
    handed_in = f"/run/credentials/{UNIT}/hf-token"
    assert fresh.machine.out("cat", handed_in, user="wan-healthd") == TOKEN
    for other in (MEMBER, STRANGER):
        fresh.machine.run("cat", handed_in, user=other, ends=1)


def test_the_doctor_finds_the_service_well(fresh: SystemService) -> None:
    """What it says of the machine (its disk, kernel and clock) is the machine's own affair."""
    assert fresh.control.check(WHOLE, full=True)["is_healthy"]  # and there is a worker to be looked at
    told = json.loads(fresh.machine.out("healthctl", "--json", "doctor", ends=None))["diagnoses"]
    verdicts = {diagnosis["check"]: diagnosis["verdict"] for diagnosis in told}
    assert {name: verdicts[name] for name in OURS} == dict.fromkeys(OURS, "ok")
    (worker,) = (diagnosis["found"] for diagnosis in told if diagnosis["check"] == "worker")
    assert "system-calls" in worker
    assert TOKEN not in str(told)


def test_what_is_closed_to_it_needs_a_drop_in(fresh: SystemService) -> None:
    closed = fresh.put(CLOSED, (fresh.models / WHOLE).read_bytes())
    closed.chmod(0o600)
    verdict = fresh.control.await_status(CLOSED, "degraded")
    assert [issue["code"] for issue in verdict["issues"]] == ["permission-denied"]
    granted = "/usr/share/doc/wan-healthd/examples/drop-ins/other-users.conf"
    fresh.machine.run("install", "-Dm644", "-t", f"/etc/systemd/system/{UNIT}.d", granted)
    fresh.systemctl("daemon-reload")
    fresh.restart()
    fresh.control.await_status(CLOSED, "healthy")


def test_installed_again_nothing_is_forgotten(fresh: SystemService) -> None:
    edit(fresh.models / BROKEN, flip_bit(600_000))
    fresh.control.await_status(BROKEN, "corrupted")
    before, told = fresh.daemon(), fresh.control.events()
    configured = fresh.inside(CONFIG).read_text() + "# the administrator's own words\n"
    fresh.inside(CONFIG).write_text(configured)
    fresh.forget_starts()
    fresh.install(PACKAGE)
    fresh.await_another_process(before)
    assert fresh.inside(CONFIG).read_text() == configured
    assert fresh.control.events()[: len(told)] == told
    statuses = {row["id"]: row["status"] for row in fresh.control.status()["models"]}
    assert statuses == {WHOLE: "healthy", BROKEN: "corrupted", REAL: "healthy", CLOSED: "healthy"}
    fresh.swept()
    assert fresh.at_rest()["bytes_read"] == 0, "no byte is read again"
    fresh.await_shown("StatusText", lambda text: text.startswith("4 models, 1 not healthy"))


def test_removed_and_installed_again(fresh: SystemService) -> None:
    stamps = digests(fresh.models)
    fresh.machine.run("apt-get", "remove", "--yes", "wan-healthd", timeout_s=120)
    assert fresh.shows("LoadState") == "not-found"
    assert fresh.inside(CONFIG).exists()
    assert fresh.inside("/var/lib/wan-healthd/state.db").exists()
    fresh.install(PACKAGE)
    assert fresh.control.model(BROKEN)["health_status"] == "corrupted"
    assert digests(fresh.models) == stamps


def test_nothing_was_said_in_vain(fresh: SystemService) -> None:
    records = fresh.journal()
    for record in records:
        assert "Traceback" not in record["MESSAGE"]
        assert TOKEN not in record["MESSAGE"]
    worse_than_notice = [record for record in records if int(record["PRIORITY"]) < NOTICE]
    kinds = {record.get("WAN_EVENT", record["MESSAGE"]) for record in worse_than_notice}
    assert kinds == {
        "corruption-found",
        "model-degraded",
        "Reload failed for wan-healthd.service - Health of WAN2.2 model files.",
    }


def test_purged(fresh: SystemService) -> None:
    stamps = digests(fresh.models)
    fresh.machine.run("apt-get", "purge", "--yes", "wan-healthd", timeout_s=120)
    left = [path for path in LEFT_BY_US if os.path.lexists(fresh.inside(path))]
    assert left == []
    assert fresh.machine.shell(f"find {PLACES} -name '*wan-healthd*'") == ""
    for unit in (UNIT, SOCKET_UNIT):
        assert fresh.shows("LoadState", unit) == "not-found"
    assert fresh.machine.out("systemctl", "list-units", "--failed", "--quiet") == ""
    assert digests(fresh.models) == stamps
