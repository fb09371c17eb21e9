"""What a service must survive, and what the journal says then, on a clean Debian with a real systemd and a real journald.

These tests are one story for each suite, as in test_system_service.py, which says what a container cannot show.
"""

from __future__ import annotations

import re

import pytest

from tests.fakes.safetensors_files import sample
from tests.support.damage import block_of, edit, flip_bit
from tests.support.material import Material
from tests.support.slow_motion import slow_down_until
from tests.support.system_service import MODELS, UNIT, SystemService

pytestmark = pytest.mark.timeout(600)

MIB = 1 << 20
SOUND, DAMAGED, LARGE = "sound.safetensors", "damaged.safetensors", "large.safetensors"
TWO_LINES, TWO_LINES_ID = "two\nlines.safetensors", r"two\nlines.safetensors"
FLIPPED_BYTE = 600_000
CORRUPTION_FOUND = "8982e34631bc4dd9816a6c9f6db87bd7"
WATCHDOG = "[Service]\nWatchdogSec=5s\nTimeoutAbortSec=1s\n"
DROP_IN = f"/etc/systemd/system/{UNIT}.d/impatient.conf"


def test_damage_reaches_the_journal(service: SystemService, material: Material) -> None:
    content = material.silero.read_bytes()
    for name in (SOUND, DAMAGED, TWO_LINES):
        service.put(name, content)
    for name in (SOUND, DAMAGED, TWO_LINES_ID):
        service.control.await_status(name, "healthy")
    edit(service.models / DAMAGED, flip_bit(FLIPPED_BYTE))
    record = service.await_record(f"MESSAGE_ID={CORRUPTION_FOUND}")
    told = {name: record[name] for name in record if name.startswith("WAN_") or name in ("PRIORITY", "SYSLOG_IDENTIFIER")}
    assert told.pop("WAN_REPAIR")
    assert told == {
        "PRIORITY": "2",
        "SYSLOG_IDENTIFIER": "wan-healthd",
        "WAN_EVENT": "corruption-found",
        "WAN_ALERT": "critical",
        "WAN_MODEL": DAMAGED,
        "WAN_FILE": f"{MODELS}/{DAMAGED}",
        "WAN_FINDING": "checksum-mismatch",
        "WAN_SEVERITY": "high",
        "WAN_CAUSE": "rewritten",
    }
    (finding,) = service.control.model(DAMAGED)["issues"]
    assert finding["ranges"] == [block_of(FLIPPED_BYTE, len(content))]


def test_the_journal_explains_it(service: SystemService) -> None:
    explained = service.machine.out("journalctl", "--catalog", f"--unit={UNIT}", "WAN_ALERT=critical")
    assert f"Damage was found in the model {DAMAGED}" in explained
    assert f"healthctl files {DAMAGED} --bad" in explained
    assert not re.search(r"@WAN_\w+@", explained), "every blank is filled in"


def test_a_name_of_two_lines(service: SystemService) -> None:
    edit(service.models / TWO_LINES, flip_bit(FLIPPED_BYTE))
    record = service.await_record(f"MESSAGE_ID={CORRUPTION_FOUND}", f"WAN_MODEL={TWO_LINES_ID}")
    assert record["WAN_FILE"] == f"{MODELS}/{TWO_LINES}"
    assert "\n" not in record["MESSAGE"]
    assert service.shows("ActiveState") == "active"


def test_killed_and_nothing_forgotten(service: SystemService) -> None:
    before, told = service.daemon(), service.control.events()
    alerts = len(service.journal(f"MESSAGE_ID={CORRUPTION_FOUND}"))
    before.kill()
    service.await_another_process(before)
    service.swept()
    assert service.at_rest()["bytes_read"] == 0, "no byte is read again"
    assert service.control.events()[: len(told)] == told
    assert service.control.model(DAMAGED)["health_status"] == "corrupted"
    assert service.control.model(SOUND)["health_status"] == "healthy"
    assert len(service.journal(f"MESSAGE_ID={CORRUPTION_FOUND}")) == alerts, "nobody is told twice"


def test_restarted_in_the_middle_of_a_check(service: SystemService) -> None:
    size = service.put(LARGE, sample(7, 96 * MIB, 3)).stat().st_size
    service.control.await_status(LARGE, "healthy")
    before = service.at_rest()["bytes_read"]
    daemon, worker = service.daemon(), service.worker()
    worker.suspend()
    service.control.begin_check(LARGE, full=True)
    caught = slow_down_until(service, worker, lambda activity: activity["bytes_read"] - before >= 32 * MIB)
    assert caught["reading"] == [f"{MODELS}/{LARGE}"], "the read ended before it could be caught"
    daemon.terminate()  # what `restart` does first, but before anybody minds that the worker was stopped
    service.restart()
    assert not daemon.is_running()
    assert not worker.is_running()
    service.swept()
    assert 0 < service.at_rest()["bytes_read"] <= size - (caught["bytes_read"] - before)
    assert service.control.model(LARGE)["health_status"] == "healthy"


def test_a_stopped_worker_is_replaced(service: SystemService) -> None:
    frozen = service.worker()
    frozen.suspend()
    record = service.await_record("WAN_EVENT=worker-lost")
    assert "stopped" in record["MESSAGE"]
    frozen.wait(20)
    assert service.control.check(SOUND, full=True)["is_healthy"]
    assert service.worker() != frozen


def test_a_stopped_daemon_is_replaced(service: SystemService) -> None:
    service.machine.write(DROP_IN, WATCHDOG)
    service.systemctl("daemon-reload")
    service.restart()
    frozen = service.daemon()
    frozen.suspend()
    service.await_another_process(frozen)
    assert any("Watchdog timeout" in record["MESSAGE"] for record in service.journal())
    assert service.control.model(DAMAGED)["health_status"] == "corrupted"


def test_a_start_that_failed_is_not_tried_for_ever(service: SystemService) -> None:
    """Each question tries once: else the first would use up the starts of a minute, and end the socket."""
    service.forget_starts()
    service.systemctl("stop", UNIT)
    service.configure('[sweep]\nfull_every = "soon"\n')
    for _ in range(2):
        assert service.healthctl("status").returncode == 3
    assert any("full_every" in record["MESSAGE"] for record in service.journal())
    service.configure()
    assert "4 models" in service.healthctl("status", ends=1).stdout
    assert not any("Traceback" in record["MESSAGE"] for record in service.journal())
