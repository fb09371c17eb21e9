"""wan-healthd as a system service inside a machine: installed from its package, asked, watched and hurt from outside.

The guest's files, sockets and processes are reached from here: below /proc/PID/root, and by their numbers in our own table.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.support.control import Control, Document, until
from tests.support.daemons import WORKER_MODULE
from tests.support.debian_root import CannotMake, DebianRoot
from tests.support.machine import CannotBoot, Machine, booted, lacking

SUITES = os.environ.get("WAN_HEALTHD_TEST_SUITES", "bookworm trixie").split()
"""On which Debians the service is tested: each takes about a minute."""

UNIT = "wan-healthd.service"
SOCKET_UNIT = "wan-healthd.socket"
CONFIG = "/etc/wan-healthd/config.toml"
DISK_CONFIG = "/etc/wan-healthd/conf.d/disk.toml"
STATE = "/var/lib/wan-healthd"
MODELS = "/srv/models"
PACKAGE = "/srv/package/wan-healthd.deb"
INSTALL_S = 120.0


class SystemService:
    """The service in `machine`, whose models are the files in `models`, a folder of ours that the guest sees at MODELS."""

    def __init__(self, machine: Machine, models: Path) -> None:
        self.machine = machine
        self.models = models
        self.control = Control(self.inside("/run/wan-healthd/control.sock"))

    def inside(self, path: str) -> Path:
        """A path of the guest's, seen from here."""
        return Path(f"/proc/{self.machine.leader}/root{path}")

    def install(self, package: str) -> str:
        """Install, or install again, a package file that the guest sees; returns what apt says."""
        command = ("apt-get", "install", "--yes", "--reinstall", "--quiet", "-o", "Dpkg::Use-Pty=0", package)
        outcome = self.machine.run(*command, timeout_s=INSTALL_S)
        return outcome.stdout + outcome.stderr

    def put(self, name: str, content: bytes) -> Path:
        """A complete file that everybody may read, moved among the models as a careful downloader does."""
        scratch = self.models.parent / "incoming"
        scratch.write_bytes(content)
        scratch.chmod(0o644)
        return scratch.rename(self.models / name)

    def configure(self, more: str = "", *, roots: tuple[str, ...] = (MODELS,)) -> None:
        """Write the configuration; nobody is told. JSON strings are valid TOML strings."""
        text = "".join(f"[[roots]]\npath = {json.dumps(root)}\n\n" for root in roots)
        self.machine.write(CONFIG, text + more)
        # How full the machine's own disk is, is no business of the tests.
        self.machine.write(DISK_CONFIG, "[health]\nstorage_warning_threshold = 0.998\nstorage_critical_threshold = 0.999\n")

    def systemctl(self, *words: str, ends: int | None = 0) -> subprocess.CompletedProcess[str]:
        return self.machine.run("systemctl", *words, ends=ends)

    def restart(self) -> None:
        self.forget_starts()
        self.systemctl("restart", UNIT)

    def forget_starts(self) -> None:
        """Let it be started again: a story has more starts in a minute than the unit allows."""
        self.systemctl("reset-failed", UNIT)

    def shows(self, name: str, unit: str = UNIT) -> str:
        """One property of a unit."""
        return self.machine.out("systemctl", "show", "--value", "--property", name, unit)

    def await_shown(self, name: str, wanted: Callable[[str], bool], unit: str = UNIT) -> str:
        """Wait until a property is as wanted; returns it."""

        def look() -> Document | None:
            value = self.shows(name, unit)
            return {"value": value} if wanted(value) else None

        return str(until(look, f"{name} of {unit} is as wanted", every_s=0.1)["value"])

    def await_another_process(self, old: psutil.Process) -> None:
        """Wait until the service is up again in another process than `old`."""
        old.wait(20)
        self.await_shown("ActiveState", "active".__eq__)

    def healthctl(self, *words: str, user: str | None = None, ends: int | None = None) -> subprocess.CompletedProcess[str]:
        return self.machine.run("healthctl", *words, user=user, ends=ends)

    def daemon(self) -> psutil.Process:
        """The service's main process."""
        return self._ours(int(self.shows("MainPID")))

    def worker(self) -> psutil.Process:
        """The digest worker; there is one as soon as something was read."""
        return next(child for child in self.daemon().children() if WORKER_MODULE in child.cmdline())

    def journal(self, *matches: str) -> list[Document]:
        """The service's journal records that match (FIELD=value), in order; its stderr and systemd's words on it too."""
        told = self.machine.out("journalctl", "--quiet", "--output=json", "--all", f"--unit={UNIT}", *matches, ends=None)
        return [json.loads(line) for line in told.splitlines()]

    def await_record(self, *matches: str) -> Document:
        """Wait for a journal record that matches; returns the last one."""

        def look() -> Document | None:
            records = self.journal(*matches)
            return records[-1] if records else None

        return until(look, f"the journal has a record of {matches}", every_s=0.1)

    def at_rest(self) -> Document:
        """Wait until nothing is read any more; returns the activity (see `ActivityRow`)."""

        def look() -> Document | None:
            activity: Document = self.control.status()["activity"]
            return None if activity["reading"] or activity["queued"] else activity

        return until(look, "nothing is read any more")

    def swept(self) -> None:
        """Wait until the sweep that comes with a start is done."""
        begun = [event["seq"] for event in self.control.events() if event["kind"] == "daemon-started"]
        self.control.await_kind(begun[-1], "sweep-finished")

    def _ours(self, pid: int) -> psutil.Process:
        """The guest's process `pid`."""
        for process in psutil.Process(self.machine.leader).children(recursive=True):
            numbers = Path(f"/proc/{process.pid}/status").read_text()
            if f"\nNSpid:\t{process.pid}\t{pid}\n" in numbers:
                return process
        raise LookupError(f"the guest has no process {pid}")


@pytest.fixture(scope="session", params=SUITES)
def debian(request: pytest.FixtureRequest) -> Path:
    """A Debian's tree, one suite after the other; the test is skipped where there can be none."""
    try:
        if (reason := lacking()) is not None:
            pytest.skip(f"no machine to test in: {reason}")
        return DebianRoot(request.param).obtain()
    except CannotMake as failure:
        pytest.skip(f"no Debian {request.param} to test in: {failure}")


@pytest.fixture(scope="module")
def new_machine(debian: Path, debian_package: Path) -> Iterator[SystemService]:
    """A machine of the module's own: our package lies at PACKAGE, but is not installed; MODELS is empty."""
    with tempfile.TemporaryDirectory(prefix="wan-service-") as scratch:
        folder = Path(scratch)
        models = folder / "models"
        models.mkdir()
        models.chmod(0o755)
        shutil.copy(debian_package, folder / Path(PACKAGE).name)
        try:
            with booted(debian, {models: MODELS, folder: str(Path(PACKAGE).parent)}) as machine:
                yield SystemService(machine, models)
        except CannotBoot as failure:
            pytest.skip(f"no machine to test in: {failure}")


@pytest.fixture(scope="module")
def installed(new_machine: SystemService) -> SystemService:
    """The same with the service installed, watching MODELS."""
    new_machine.install(PACKAGE)
    new_machine.configure()
    new_machine.systemctl("reload", UNIT)
    return new_machine


@pytest.fixture
def fresh(new_machine: SystemService) -> Iterator[SystemService]:
    """`new_machine`; of a test that fails, the report shows what the journal told meanwhile."""
    yield from overheard(new_machine)


@pytest.fixture
def service(installed: SystemService) -> Iterator[SystemService]:
    """`installed`; of a test that fails, the report shows what the journal told meanwhile."""
    yield from overheard(installed)


def overheard(service: SystemService) -> Iterator[SystemService]:
    journal = ("journalctl", "--quiet", "--no-pager", "--priority=info")
    told = len(service.machine.out(*journal).splitlines())
    yield service
    print("\n".join(service.machine.out(*journal).splitlines()[told:]))
