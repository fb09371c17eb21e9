"""What a service manager hears of the daemon and does for it: signs of life, a stopped worker, a socket that is kept."""

from __future__ import annotations

import contextlib
import signal
import socket
from pathlib import Path

import pytest

from tests.fakes.safetensors_files import sample
from tests.support.control import Control, Document, Unexpected, until
from tests.support.daemons import Ear, Home

STARTED_BY_THE_MANAGER = """
import os, sys
if (descriptor := int(sys.argv[1])) != 3:
    os.dup2(descriptor, 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1", LISTEN_FDNAMES="kept-control")
os.execv(sys.executable, [sys.executable, *sys.argv[2:]])
"""
"""What systemd does between fork and exec: descriptors from 3 on, and whom they are for."""


def drained(ear: Ear) -> None:
    """Take what was told so far."""
    while ear.hear(0.01) is not None:
        pass


def test_a_worker_that_is_stopped_is_replaced_and_what_it_should_read_is_read(home: Home) -> None:
    home.put("first.safetensors", sample(1, 100_000, 4))
    with home.running() as daemon:
        daemon.control.await_status("first.safetensors", "healthy")
        first = daemon.worker()
        first.send_signal(signal.SIGSTOP)
        home.put("second.safetensors", sample(2, 100_000, 4))
        daemon.control.await_status("second.safetensors", "healthy")
        assert daemon.worker().pid != first.pid
        assert "it was stopped (SIGSTOP)" in daemon.await_alerts("worker-lost")[0]["MESSAGE"]
        assert daemon.control.status()["status"] == "healthy"


def test_a_daemon_whose_event_loop_stands_still_gives_no_sign_of_life(home: Home) -> None:
    with home.running({"WATCHDOG_USEC": "400000"}) as daemon:
        daemon.await_told("WATCHDOG=1".__eq__)
        daemon.process.send_signal(signal.SIGSTOP)
        try:
            drained(daemon.ear)
            assert daemon.ear.hear(1.5) is None
        finally:
            daemon.process.send_signal(signal.SIGCONT)
        daemon.await_told("WATCHDOG=1".__eq__)


def test_a_reload_that_cannot_be_put_in_force_leaves_the_old_one_and_the_daemon_alive(home: Home) -> None:
    with home.running() as daemon:
        drained(daemon.ear)
        home.config.write_text(home.config.read_text() + 'act_group = "no-such-group"\n')
        refused = home.healthctl("reload", "--wait")
        assert refused.returncode == 2
        assert "there is no such group" in refused.stderr
        daemon.hang_up()
        told = daemon.await_told("READY=1".__eq__)
        turns = [line for message in told for line in message.splitlines() if "STATUS" not in line and "WATCHDOG" not in line]
        assert [line.partition("=")[0] for line in turns] == ["RELOADING", "MONOTONIC_USEC", "READY"]
        assert "cannot reload" in daemon.said()
        assert daemon.control.status()["watching"]


@pytest.mark.parametrize("is_killed", [True, False], ids=["killed", "stopped"])
def test_a_client_that_connects_while_it_is_started_anew_waits_instead_of_being_refused(home: Home, is_killed: bool) -> None:
    runtime = home.folder / "run"
    runtime.mkdir()
    home.socket = runtime / "control.sock"
    home.configure([home.models])
    told = {"RUNTIME_DIRECTORY": str(runtime)}
    with contextlib.ExitStack() as stack:
        with home.running(told) as first:
            first.control.status()
            drained(first.ear)
            descriptor = first.ear.kept.pop("kept-control")
            stack.callback(socket.close, descriptor)
            if is_killed:
                first.kill()
            else:
                first.stop()
        waiting = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        waiting.connect(str(home.socket))
        waiting.sendall(b"GET /v1/status HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        waiting.settimeout(20)
        ear = stack.enter_context(contextlib.closing(Ear(home.folder / "notify")))
        log = stack.enter_context((home.folder / "second").open("w"))
        second = home.popen(
            ["-c", STARTED_BY_THE_MANAGER, str(descriptor), *home.daemon_arguments()],
            env={**told, "NOTIFY_SOCKET": str(ear.path)},
            pass_fds=[descriptor],
            stdout=log,
            stderr=log,
        )
        try:
            assert waiting.recv(100).startswith(b"HTTP/1.1 200")
            assert answered(home.control)["version"]
        finally:
            second.terminate()
            assert second.wait(10) == 0


def answered(control: Control) -> Document:
    def look() -> Document | None:
        with contextlib.suppress(OSError, Unexpected):
            return control.status()
        return None

    return until(look, "the daemon answers")


def test_a_state_that_is_recovered_says_so_while_it_starts(home: Home) -> None:
    home.put("first.safetensors", sample(1, 100_000, 4))
    with home.running() as daemon:
        daemon.control.await_status("first.safetensors", "healthy")
        copy = Path(f"{home.database}.good")
        until(lambda: {} if copy.exists() else None, "there is a good copy")
    home.database.write_bytes(b"no database")
    with contextlib.closing(Ear(home.folder / "notify")) as ear, home.log.open("a") as log:
        process = home.popen(home.daemon_arguments(), env={"NOTIFY_SOCKET": str(ear.path)}, stdout=log, stderr=log)
        try:
            told: list[str] = []
            until(lambda: heard(ear, told), "it is ready")
        finally:
            process.terminate()
            process.wait(10)
    assert [line for line in told if line.startswith("STATUS=")][:2] == [
        "STATUS=opening the state",
        "STATUS=recovering the state from its last good copy",
    ]


def heard(ear: Ear, told: list[str]) -> Document | None:
    message = ear.hear(0.2)
    told.extend((message or "").splitlines())
    return {} if "READY=1" in told else None
