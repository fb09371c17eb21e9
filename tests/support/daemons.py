"""The daemon as a process: started as a service manager would, asked, stopped, or killed."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psutil

from tests.support.checkout import environment
from tests.support.control import PATIENCE_S, Control, Document, Unexpected
from tests.support.unprivileged import Unprivileged

STOP_S = 5.0
"""Contract, systemd: SIGTERM ends in under 5 s."""

HEALTHCTL = "import sys; from wan_healthd.cli.main import main; sys.exit(main())"
NOT_INHERITED = (
    "STATE_DIRECTORY",
    "RUNTIME_DIRECTORY",
    "CONFIGURATION_DIRECTORY",
    "JOURNAL_STREAM",
    "LISTEN_FDS",
    "NOTIFY_SOCKET",
    "WATCHDOG_PID",
    "WATCHDOG_USEC",
    "WAN_HEALTHD_SOCKET",
)
READY = "READY=1".__eq__
WORKER_MODULE = "wan_healthd.digest.worker"


class Home:
    """Where a daemon lives: its models, configuration, state and socket, all below one short path.

    Args:
        folder: empty, and the user's own; short, since a socket's path is.
        user: who runs the daemon; None for whoever runs the tests.
    """

    def __init__(self, folder: Path, user: Unprivileged | None = None) -> None:
        self.folder = folder
        self.user = user
        self.models = folder / "models"
        self.config = folder / "config.toml"
        self.socket = folder / "control.sock"
        self.database = folder / "state" / "wan-healthd" / "state.db"
        self.log = folder / "stderr"
        self.models.mkdir()
        self.configure([self.models])

    @property
    def control(self) -> Control:
        return Control(self.socket)

    @property
    def uid(self) -> int:
        """The daemon's user."""
        return os.geteuid() if self.user is None else self.user.uid

    def configure(self, roots: Sequence[Path], more: str = "") -> None:
        """Write the configuration; JSON strings are valid TOML strings."""
        text = "".join(f"[[roots]]\npath = {json.dumps(str(root))}\n\n" for root in roots)
        self.config.write_text(f"{text}[api]\nsocket = {json.dumps(str(self.socket))}\n\n{more}")
        # Tests say what is wrong with models; how full or busy the machine's own disk is, is no business of theirs.
        drop_in = self.config.with_name("conf.d") / "disk.toml"
        drop_in.parent.mkdir(exist_ok=True)
        drop_in.write_text(
            '[health]\nstorage_warning_threshold = 0.998\nstorage_critical_threshold = 0.999\n[sweep]\nmode = "full"\n'
        )
        self.own(self.folder)

    def own(self, path: Path) -> None:
        """Give `path` and all below it to the user who runs the daemon."""
        if self.user is not None:
            self.user.give(path)

    def put(self, name: str, content: bytes) -> Path:
        """A complete file among the models, moved there as a careful downloader does; `name` may hold folders."""
        scratch = self.folder / "incoming"
        scratch.write_bytes(content)
        return self.move_in(scratch, name)

    def move_in(self, source: Path, name: str) -> Path:
        target = self.models / name
        target.parent.mkdir(parents=True, exist_ok=True)
        self.own(self.models)
        self.own(source)
        return source.rename(target)

    @contextmanager
    def running(self, env: Mapping[str, str] | None = None) -> Iterator[RunningDaemon]:
        """A daemon that is ready; it is stopped at the end, unless the test has done that."""
        with closing(Ear(self.folder / "notify")) as ear:
            daemon = RunningDaemon(self, ear, env or {})
            try:
                daemon.await_ready()
                yield daemon
            finally:
                daemon.put_down()

    def popen(self, arguments: Sequence[str | Path], **options: Any) -> subprocess.Popen[str]:
        """Start our Python with `arguments`, as the daemon's user."""
        return subprocess.Popen([self._python, *arguments], text=True, **self._options(options.pop("env", {})), **options)

    def run(self, arguments: Sequence[str | Path], *, timeout_s: float = 30.0) -> subprocess.CompletedProcess[str]:
        """Run our Python with `arguments` to its end, as the daemon's user."""
        return subprocess.run(
            [self._python, *arguments],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=timeout_s,
            check=False,
            **self._options({}),
        )

    def healthctl(self, *words: str) -> subprocess.CompletedProcess[str]:
        return self.run(["-c", HEALTHCTL, "--socket", self.socket, *words])

    def daemon_arguments(self, config: Path | None = None) -> list[str | Path]:
        return ["-m", "wan_healthd.daemon.main", "--config", config or self.config]

    @property
    def _python(self) -> Path:
        return Path(sys.executable) if self.user is None else self.user.python

    def _options(self, env: dict[str, str]) -> dict[str, Any]:
        env = {"XDG_STATE_HOME": str(self.folder / "state"), "XDG_RUNTIME_DIR": str(self.folder), **env}
        if self.user is not None:
            return self.user.options(env)
        inherited = {name: value for name, value in environment().items() if name not in NOT_INHERITED}
        return {"env": {**inherited, **env}, "cwd": self.folder}


class Ear:
    """The service manager's end of NOTIFY_SOCKET, at `path`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.kept: dict[str, int] = {}
        path.unlink(missing_ok=True)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        path.chmod(0o777)

    def hear(self, timeout_s: float) -> str | None:
        """The next message; None if none comes."""
        self._socket.settimeout(timeout_s)
        try:
            data, descriptors, _flags, _address = socket.recv_fds(self._socket, 8192, 4)
        except TimeoutError:
            return None
        message = data.decode("ascii")
        self._keep(message.splitlines(), descriptors)
        return message

    def _keep(self, lines: list[str], descriptors: list[int]) -> None:
        """The descriptor store, as in sd_notify(3)."""
        name = next((line.partition("=")[2] for line in lines if line.startswith("FDNAME=")), "stored")
        if "FDSTOREREMOVE=1" in lines and name in self.kept:
            os.close(self.kept.pop(name))
        for descriptor in descriptors:
            self.kept[name] = descriptor

    def close(self) -> None:
        self._socket.close()
        for descriptor in self.kept.values():
            os.close(descriptor)
        self.path.unlink(missing_ok=True)


class RunningDaemon:
    """One daemon process. Its stderr goes to the home's log, which holds its alerts as JSON lines."""

    def __init__(self, home: Home, ear: Ear, env: Mapping[str, str]) -> None:
        self.home = home
        self.control = home.control
        self.ear = ear
        self._log_begins = home.log.stat().st_size if home.log.exists() else 0
        with home.log.open("a") as log:
            told = {"NOTIFY_SOCKET": str(ear.path), **env}
            self.process = home.popen(home.daemon_arguments(), env=told, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def await_ready(self) -> None:
        """Wait for READY=1."""
        self.await_told(READY)

    def await_told(self, wanted: Callable[[str], bool]) -> list[str]:
        """Wait until the service manager is told a line that is `wanted`; returns all messages up to that."""
        deadline = time.monotonic() + PATIENCE_S
        told: list[str] = []
        while time.monotonic() < deadline:
            message = self.ear.hear(0.2)
            if message is not None:
                told.append(message)
                if any(map(wanted, message.splitlines())):
                    return told
            elif self.process.poll() is not None:
                break
        raise Unexpected(f"the service manager was told only {told}; the daemon said:\n{self.said()}")

    def said(self) -> str:
        """All that this process wrote to stderr."""
        return self.home.log.read_bytes()[self._log_begins :].decode()

    def alerts(self, event: str) -> list[Document]:
        """The alert records of one kind (WAN_EVENT), in order."""
        lines = [json.loads(line) for line in self.said().splitlines() if line.startswith("{")]
        return [line for line in lines if line.get("WAN_EVENT") == event]

    def await_alerts(self, event: str, count: int = 1) -> list[Document]:
        """Wait until there are as many of one kind; returns them."""
        deadline = time.monotonic() + PATIENCE_S
        while len(found := self.alerts(event)) < count:
            if time.monotonic() > deadline:
                raise Unexpected(f"{len(found)} alerts of {event}; the daemon said:\n{self.said()}")
            time.sleep(0.05)
        return found

    def worker(self) -> psutil.Process:
        """The digest worker; there is one as soon as something was read."""
        children = psutil.Process(self.process.pid).children()
        return next(child for child in children if WORKER_MODULE in child.cmdline())

    def stop(self) -> int:
        """SIGTERM; returns the exit status. Raises TimeoutExpired if it takes too long."""
        self.process.terminate()
        return self.process.wait(STOP_S)

    def kill(self) -> None:
        """SIGKILL, as the OOM killer does."""
        self.process.kill()
        self.process.wait(STOP_S)

    def hang_up(self) -> None:
        """SIGHUP: reload."""
        self.process.send_signal(signal.SIGHUP)

    def put_down(self) -> None:
        """End it, whatever state it is in."""
        if self.process.poll() is None:
            try:
                self.stop()
            except subprocess.TimeoutExpired:
                self.kill()
                raise
