"""A machine of its own for a test: Debian's systemd as process 1 of a container, over a tree that nothing is written to.

What the guest writes lies in memory and is gone with it; all mounts are made in a mount namespace of the container's own, so
that none can be left behind. There is no network inside. Needs root, systemd-nspawn, unshare, setpriv and overlayfs.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import socket
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

TOOLS = {"systemd-nspawn": "systemd-container", "unshare": "util-linux", "setpriv": "util-linux", "nsenter": "util-linux"}
"""Program: the Debian package that brings it."""

BOOT_S = 90.0
HALT_S = 10.0
QUEUE_S = 300.0
"""How long to wait for somebody else's machine: two at a time would cost each other too much."""

LOCK = Path("/run/lock/wan-healthd-machine.lock")
LEADER = re.compile(r"^X_NSPAWN_LEADER_PID=(\d+)$", re.MULTILINE)
READY = re.compile(r"^READY=1$", re.MULTILINE)
LANDLOCK = "landlock_create_ruleset landlock_add_rule landlock_restrict_self"
SHARED_NODE = Path("/dev/null")
"""A container that goes wrong can change the host's own device nodes."""

LAYERS = """
tree=$1 layers=$2
shift 2
mount -t tmpfs -o mode=0755,size=2g machine "$layers"
mkdir "$layers/upper" "$layers/work" "$layers/root"
mount -t overlay -o "lowerdir=$tree,upperdir=$layers/upper,workdir=$layers/work" machine "$layers/root"
exec systemd-nspawn --directory="$layers/root" "$@"
"""
INSIDE = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "TERM": "dumb", "DEBIAN_FRONTEND": "noninteractive"}

Outcome = subprocess.CompletedProcess[str]


class CannotBoot(Exception):
    """This machine cannot run another one."""


class Failed(Exception):
    """A command inside ended otherwise than it should."""


class Machine:
    """A running container. `leader` is the guest's process 1 as we see it."""

    def __init__(self, leader: int) -> None:
        self.leader = leader

    def run(self, *command: str | Path, user: str | None = None, ends: int | None = 0, timeout_s: float = 60.0) -> Outcome:
        """Run a command inside, as `user` (None: root), and hold it to its exit status (`ends`; None: any)."""
        become = [] if user is None else ["runuser", "-u", user, "--"]
        words = [str(word) for word in (*become, *command)]
        outcome = subprocess.run(
            ["nsenter", f"--target={self.leader}", "--all", "--", *words],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            env=INSIDE,
            timeout=timeout_s,
            check=False,
        )
        if ends is not None and outcome.returncode != ends:
            raise Failed(f"{' '.join(words)}: {outcome.returncode}, not {ends}\n{outcome.stdout}{outcome.stderr}")
        return outcome

    def out(self, *command: str | Path, user: str | None = None, ends: int | None = 0) -> str:
        """What a command prints, without white space around it."""
        return self.run(*command, user=user, ends=ends).stdout.strip()

    def shell(self, script: str, *, ends: int | None = 0, timeout_s: float = 60.0) -> str:
        """What a shell script prints, that is root's; it ends at the first command that fails."""
        return self.run("sh", "-euc", script, ends=ends, timeout_s=timeout_s).stdout.strip()

    def write(self, path: str, text: str) -> None:
        """A small file of root's, with its folders."""
        self.run("sh", "-euc", 'mkdir -p "${1%/*}"; printf %s "$2" >"$1"', "sh", path, text)


def lacking() -> str | None:
    """Why no machine can run here; None if one can, as far as that shows beforehand."""
    if os.geteuid() != 0:
        return "only root can boot a machine"
    absent = {package: tool for tool, package in TOOLS.items() if shutil.which(tool) is None}
    return "; ".join(f"there is no {tool} (Debian package: {package})" for package, tool in absent.items()) or None


@contextmanager
def booted(tree: Path, binds: Mapping[Path, str]) -> Iterator[Machine]:
    """A machine whose systemd is up; it is halted at the end, come what may.

    Args:
        tree: a whole Debian; it stays as it is.
        binds: folders of ours and where the guest finds them. It sees the very same files.

    Raises:
        CannotBoot: it does not come up.
    """
    if (reason := lacking()) is not None:
        raise CannotBoot(reason)
    mode = stat.S_IMODE(SHARED_NODE.stat().st_mode)
    with _turn(), tempfile.TemporaryDirectory(prefix="wan-machine-") as scratch:
        folder = Path(scratch)
        (folder / "layers").mkdir()
        with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as ear:
            ear.bind(str(folder / "notify"))
            process = _start(tree, folder, binds)
            try:
                leader = _await_ready(process, ear, folder / "console")
                ear.close()  # it is told more, and nspawn would wait until somebody listens
                yield Machine(leader)
            finally:
                _halt(process)
                assert stat.S_IMODE(SHARED_NODE.stat().st_mode) == mode, f"{SHARED_NODE} has another mode than before"


@contextmanager
def _turn() -> Iterator[None]:
    deadline = time.monotonic() + QUEUE_S
    LOCK.parent.mkdir(exist_ok=True)
    with LOCK.open("w") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise CannotBoot(f"another machine has been running here for {QUEUE_S:g} s") from None
                time.sleep(0.2)
        yield


def _start(tree: Path, folder: Path, binds: Mapping[Path, str]) -> subprocess.Popen[bytes]:
    nspawn = [
        "--boot",
        "--quiet",
        f"--machine=wan-healthd-{os.getpid()}",
        "--register=no",
        "--keep-unit",
        "--notify-ready=yes",
        "--console=pipe",
        "--private-network",
        "--link-journal=no",
        "--kill-signal=SIGRTMIN+4",  # halt; nspawn sends it when it is asked to end
        f"--system-call-filter={LANDLOCK}",  # a real machine does not forbid them
        *(f"--bind={ours}:{theirs}" for ours, theirs in binds.items()),
    ]
    # It is asked to end as well when whoever runs the tests is killed.
    own_mounts = ["setpriv", "--pdeathsig=TERM", "unshare", "--mount", "--propagation=private"]
    with (folder / "console").open("wb") as console:
        return subprocess.Popen(
            [*own_mounts, "sh", "-euc", LAYERS, "sh", tree, folder / "layers", *nspawn],
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=console,
            env={**os.environ, "NOTIFY_SOCKET": str(folder / "notify"), "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"},
            start_new_session=True,  # an interrupt is for the tests, which halt it then
        )


def _await_ready(process: subprocess.Popen[bytes], ear: socket.socket, console: Path) -> int:
    """Wait for READY=1; returns the guest's process 1."""
    leader = None
    deadline = time.monotonic() + BOOT_S
    ear.settimeout(0.2)
    while process.poll() is None and time.monotonic() < deadline:
        try:
            message = ear.recv(8192).decode()
        except TimeoutError:
            continue
        if found := LEADER.search(message):
            leader = int(found[1])
        if leader is not None and READY.search(message):
            return leader
    raise CannotBoot(f"systemd-nspawn does not come up: {console.read_text(errors='replace').strip()[-600:]}")


def _halt(process: subprocess.Popen[bytes]) -> None:
    """First politely; nspawn takes the second request as one to end at once."""
    for ask in (process.terminate, process.terminate, process.kill):
        ask()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(HALT_S)
            return
