"""Where the tour takes place: its folder, its daemon, its program, and the commands that are shown."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO

import wan_healthd
from wan_healthd.client.blocking import HealthClient
from wan_healthd.client.errors import ClientError
from wan_healthd.daemon.demo.voice import WIDTH, Voice
from wan_healthd.domain.errors import HealthdError
from wan_healthd.domain.findings import CorruptionType
from wan_healthd.host.threads import spawn

PATIENCE_S = 30.0
STOP_S = 10.0
LOOK_S = 0.05
QUIET_S = 0.3
HEALTHCTL = "import sys; from wan_healthd.cli.main import main; sys.exit(main())"
FOREIGN = frozenset(
    {
        "CONFIGURATION_DIRECTORY",
        "JOURNAL_STREAM",
        "LISTEN_FDS",
        "LISTEN_PID",
        "NOTIFY_SOCKET",
        "RUNTIME_DIRECTORY",
        "STATE_DIRECTORY",
        "WATCHDOG_PID",
        "WATCHDOG_USEC",
    }
)
"""What a service manager tells us is not meant for the tour's daemon."""


class DemoFailed(HealthdError):
    """The tour cannot go on."""

    code = "demo-failed"


class Stage:
    """One folder with everything in it. Whatever is started here ends with `exits`.

    Args:
        folder: empty, and ours alone.
    """

    def __init__(self, folder: Path, voice: Voice, exits: ExitStack) -> None:
        self.folder = folder
        self.voice = voice
        self.models = folder / "models"
        self.log = folder / "daemon.log"
        socket = folder / "control.sock"
        self.client = HealthClient(socket)
        self._exits = exits
        self._env = self._environment(socket)
        self._program: Program | None = None
        self.models.mkdir()
        # JSON strings are valid TOML strings, whatever the path holds.
        config = f"[[roots]]\npath = {json.dumps(str(self.models))}\n\n[api]\nsocket = {json.dumps(str(socket))}\n"
        (folder / "config.toml").write_text(config)

    def start_daemon(self) -> subprocess.Popen[bytes]:
        """A daemon that answers."""
        self.voice.command(f"wan-healthd --config {self.folder}/config.toml &")
        command = [sys.executable, "-m", "wan_healthd.daemon.main", "--config", str(self.folder / "config.toml")]
        with self.log.open("ab") as log:
            daemon = self._start(command, stdout=log, stderr=log)
        self.wait(lambda: self._answers(daemon), "the daemon answers")
        return daemon

    def start_program(self, source: Path) -> Program:
        """A program that watches the models, too; what it says is heard from now on."""
        self.voice.command(f"python {source.name} {self.models} &")
        process = self._start([sys.executable, str(source), str(self.models)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self._program = Program(process, self.voice)
        return self._program

    def show(self, *words: str) -> int:
        """Run `healthctl`, seen and heard; returns its exit status."""
        self._hear_out()
        self.voice.command(shlex.join(["healthctl", *words]))
        return self._run([sys.executable, "-c", HEALTHCTL, *words])

    def show_scan(self) -> int:
        """Run the scan that needs no daemon."""
        self.voice.command(f"wan-healthd scan {self.models}")
        return self._run([sys.executable, "-m", "wan_healthd.daemon.main", "scan", str(self.models)])

    def wait(self, happened: Callable[[], bool], what: str) -> float:
        """Wait until it has; returns after how many seconds.

        Raises:
            DemoFailed: it has not in a time that is ample.
        """
        began = time.monotonic()
        while not happened():
            if time.monotonic() - began > PATIENCE_S:
                said = self.log.read_text(errors="replace")[-2000:] if self.log.exists() else ""
                raise DemoFailed(f"cannot go on: after {PATIENCE_S:g} s it is still not so that {what}", f"its log: {said}")
            time.sleep(LOOK_S)
        return time.monotonic() - began

    def wait_for_damage(self, model_id: str, kind: CorruptionType) -> float:
        """Wait until the daemon has found it; returns after how many seconds."""
        return self.wait(lambda: kind in self.client.get_model(model_id).corruption_types, f"{model_id} has {kind}")

    def is_calm(self) -> bool:
        """Whether everything was read, and nothing waits."""
        status = self.client.status()
        is_read = bool(status.models) and all(model.last_checked for model in status.models)
        return is_read and not status.activity.queued and not status.activity.reading and not status.sweeps

    def _answers(self, daemon: subprocess.Popen[bytes]) -> bool:
        if daemon.poll() is not None:
            raise DemoFailed("cannot go on: the daemon ended", f"its log: {self.log.read_text(errors='replace')[-2000:]}")
        try:
            self.client.version()
        except ClientError:
            return False
        return True

    def _start(self, command: list[str], *, stdout: int | IO[bytes], stderr: int | IO[bytes]) -> subprocess.Popen[bytes]:
        """In a session of its own: Ctrl-C is for us, and we end it."""
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            env=self._env,
            cwd=self.folder,
            start_new_session=True,
        )
        self._exits.callback(_end, process)
        return process

    def _hear_out(self) -> None:
        """Let the program end its sentence, so that it does not speak in the middle of what a command says."""
        if self._program is not None:
            self.wait(lambda: self._program is None or self._program.is_quiet, "the program has said everything")

    def _run(self, command: list[str]) -> int:
        return subprocess.run(command, stdin=subprocess.DEVNULL, env=self._env, cwd=self.folder, check=False).returncode

    def _environment(self, socket: Path) -> dict[str, str]:
        """Ours, with every place of the daemon's inside the folder, and the product found wherever we found it."""
        kept = {name: value for name, value in os.environ.items() if name not in FOREIGN}
        product = str(Path(wan_healthd.__file__).parents[1])
        places = {
            "WAN_HEALTHD_SOCKET": str(socket),
            "XDG_STATE_HOME": str(self.folder / "state"),
            "XDG_RUNTIME_DIR": str(self.folder),
            "PYTHONPATH": os.pathsep.join(filter(None, [product, kept.get("PYTHONPATH", "")])),
        }
        width = {} if self.voice.on_terminal else {"COLUMNS": str(WIDTH)}
        return {**kept, **places, **width}


class Program:
    """A process whose lines are shown as they come, and remembered."""

    def __init__(self, process: subprocess.Popen[bytes], voice: Voice) -> None:
        self._process = process
        self._voice = voice
        self._lines: list[str] = []
        self._spoke_at = time.monotonic()
        self._listener = spawn("demo-program", self._listen)

    def has_said(self, *words: str) -> bool:
        """Whether one of its lines has all of these."""
        return any(all(word in line for word in words) for line in list(self._lines))

    @property
    def is_quiet(self) -> bool:
        """Whether it has said nothing for a moment."""
        return time.monotonic() - self._spoke_at > QUIET_S

    def end(self) -> None:
        """End it, and hear it out."""
        _end(self._process)
        self._listener.join(STOP_S)
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _listen(self) -> None:
        assert self._process.stdout is not None  # noqa: S101 - for mypy
        for raw in self._process.stdout:
            line = raw.decode("utf-8", "replace").rstrip("\n")
            self._voice.aside(f"callback: {line}")
            self._lines.append(line)
            self._spoke_at = time.monotonic()


def _end(process: subprocess.Popen[bytes]) -> None:
    """As a service manager would."""
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
