"""Alerts as people get them: in the journal, over a restart, acknowledged, tested; and none lost at a kill."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes.safetensors_files import sample
from tests.support.checkout import environment
from tests.support.control import Control
from tests.support.daemons import Home, RunningDaemon
from tests.support.damage import edit, flip_bit

MODEL = "wan.safetensors"
CONTENT = sample(7, 300_000, 12)
FLIPPED_BYTE = 250_000


@pytest.fixture
def home(home: Home) -> Home:
    """With one intact model."""
    home.put(MODEL, CONTENT)
    return home


def started(daemon: RunningDaemon) -> Control:
    daemon.control.await_kind(0, "sweep-finished")
    return daemon.control


def damage(home: Home, control: Control) -> None:
    edit(home.models / MODEL, flip_bit(FLIPPED_BYTE))
    control.await_status(MODEL, "corrupted")


def test_an_alert_from_its_opening_to_its_end(home: Home) -> None:
    with home.running() as daemon:
        damage(home, started(daemon))
        daemon.await_alerts("corruption-found")
        said = home.healthctl("alert").stdout
        assert "critical  corruption-found  wan.safetensors: " in said
        assert "told, next reminder" in said
        assert "alerts open: 1; see `healthctl alert`" in home.healthctl("status").stdout
        (row,) = json.loads(home.healthctl("alert", "list", "--json").stdout)["alerts"]
        assert (row["code"], row["times_told"], row["path"]) == ("checksum-mismatch", 1, str(home.models / MODEL))
        assert home.healthctl("alert", "ack", str(row["id"])).returncode == 0
        assert "alerts open: 1 (1 acknowledged)" in home.healthctl("status").stdout
        assert home.healthctl("alert", "ack", "4711").returncode == 5
        assert daemon.stop() == 0
    with home.running() as daemon:
        control = daemon.control
        control.await_status(MODEL, "corrupted")
        control.check(MODEL, full=True)
        edit(home.models / MODEL, flip_bit(FLIPPED_BYTE))
        control.await_status(MODEL, "healthy")
        daemon.await_alerts("finding-cleared")
        assert daemon.alerts("corruption-found") == [], "it was told before the restart, and somebody knows of it"
        assert home.healthctl("alert").stdout == "no alert is open\n"
        assert "ended" in home.healthctl("alert", "list", "--all").stdout


def test_a_test_of_each_class(home: Home) -> None:
    with home.running() as daemon:
        said = home.healthctl("alert", "test")
        assert said.returncode == 0
        (record,) = daemon.await_alerts("corruption-found")
        assert (record["WAN_TEST"], record["PRIORITY"], record["MESSAGE"][:5]) == ("1", "2", "TEST,")
        home.healthctl("alert", "test", "--kind", "storage-low")
        assert daemon.await_alerts("storage-low")[0]["WAN_TEST"] == "1"
        assert home.healthctl("alert", "test", "--kind", "no-such-kind").returncode == 2
        assert daemon.control.status()["alerts_open"] == 0


TELLER = """
import asyncio, os, signal, sys
from pathlib import Path
from tests.fakes.workshop import workshop
from wan_healthd.domain.alert_ledger import NewAlert
from wan_healthd.domain.alerts import CORRUPTION_FOUND
from wan_healthd.domain.settings import AlertSettings
from wan_healthd.services.alert import Alerter
from wan_healthd.store import alerts

folder, when, log = Path(sys.argv[1]), sys.argv[2], sys.argv[3]

class Sink:
    def emit(self, alert):
        if when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        with open(log, "a") as file:
            file.write(alert.message + "\\\\n")
        if when == "after":
            os.kill(os.getpid(), signal.SIGKILL)

async def main():
    async with workshop(folder, state=os.fsencode(folder / "state.db"), lanes=False) as shop:
        told = NewAlert(CORRUPTION_FOUND, "k", "damaged", "no longer")
        await shop.database.write(lambda db: alerts.put(db, told, shop.clock.now()))
        alerter = Alerter([Sink()], shop.database, shop.clock, shop.feed, AlertSettings())
        await alerter.tell_due()
        await alerter.tell_due()

asyncio.run(main())
"""


@pytest.mark.parametrize(("when", "told"), [("before", 1), ("after", 2), ("never", 1)])
def test_no_alert_is_lost_at_a_kill(tmp_path: Path, when: str, told: int) -> None:
    """Killed between commit and telling: told after the restart. Killed between telling and recording that: told once more."""
    log = tmp_path / "told"
    statuses = []
    for moment in (when, "never", "never"):
        program = [sys.executable, "-c", TELLER.replace("\\\\n", "\\n"), str(tmp_path), moment, str(log)]
        statuses.append(subprocess.run(program, env=environment(), timeout=30, check=False).returncode)
    assert statuses == [0 if when == "never" else -signal.SIGKILL, 0, 0]
    assert log.read_text() == "damaged\n" * told


JOURNAL = """
import asyncio, os, sys
from pathlib import Path
from tests.fakes.workshop import workshop
from tests.fakes.alert_sink import FakeAlertSink
from wan_healthd.domain.alerts import STORAGE_CRITICAL
from wan_healthd.domain.settings import AlertSettings
from wan_healthd.host.journal import JournalSink
from wan_healthd.services.alert import Alerter
from wan_healthd.services.conditions import Conditions
"""


def test_a_condition_reaches_the_journal(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journald:
        journald.bind(str(tmp_path / "journal"))
        journald.settimeout(5)
        program = JOURNAL + (
            "async def main():\n"
            "    folder = Path(sys.argv[1])\n"
            "    async with workshop(folder, lanes=False) as shop:\n"
            "        sink = JournalSink(FakeAlertSink(), str(folder / 'journal'))\n"
            "        alerter = Alerter([sink], shop.database, shop.clock, shop.feed, AlertSettings())\n"
            "        conditions = Conditions(shop.database, shop.clock, alerter, shop.feed)\n"
            "        for _ in range(3):\n"
            "            await conditions.open(STORAGE_CRITICAL, '/m', 'it is 97 % full', path='/m')\n"
            "        await conditions.close(STORAGE_CRITICAL, '/m', 'it has room again')\n"
            "        sink.close()\n"
            "asyncio.run(main())\n"
        )
        subprocess.run([sys.executable, "-c", program, str(tmp_path)], env=environment(), timeout=30, check=True)
        opened, closed = journald.recv(65536), journald.recv(65536)
        journald.setblocking(False)
        with pytest.raises(BlockingIOError):
            journald.recv(65536)
    assert b"WAN_EVENT=storage-critical\n" in opened
    assert b"PRIORITY=2\n" in opened
    assert b"MESSAGE=it is 97 % full\n" in opened
    assert b"WAN_EVENT=condition-cleared\n" in closed
    assert b"MESSAGE=it has room again\n" in closed
