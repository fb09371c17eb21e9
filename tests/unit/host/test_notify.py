"""sd_notify over a real datagram socket."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.clock import FakeClock
from wan_healthd.domain.ports import Notifier
from wan_healthd.host.notify import (
    MAX_STATUS_BYTES,
    NullNotifier,
    SystemdNotifier,
    notifier_from_environment,
    safe_status,
    watchdog_interval_s,
)


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """The service manager's end."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(2)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        yield listening


@pytest.fixture
def notifier(manager: socket.socket) -> Iterator[SystemdNotifier]:
    made = SystemdNotifier(FakeClock())
    yield made
    made.close()


def test_every_message(manager: socket.socket, notifier: SystemdNotifier) -> None:
    notifier.ready()
    notifier.status("3 of 7 files read")
    notifier.reloading()
    notifier.watchdog()
    notifier.stopping()
    notifier.extend(30.5)
    notifier.let_go("control")
    notifier.trigger()
    assert [manager.recv(4096) for _ in range(8)] == [
        b"READY=1\n",
        b"STATUS=3 of 7 files read\n",
        b"RELOADING=1\nMONOTONIC_USEC=1000000000\n",
        b"WATCHDOG=1\n",
        b"STOPPING=1\n",
        b"EXTEND_TIMEOUT_USEC=30500000\n",
        b"FDSTOREREMOVE=1\nFDNAME=control\n",
        b"WATCHDOG=trigger\n",
    ]


def test_a_descriptor_is_handed_over_to_be_kept(manager: socket.socket, notifier: SystemdNotifier) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        notifier.keep("control", listener.fileno())
        message, (received,), _flags, _address = socket.recv_fds(manager, 4096, 2)
        assert message == b"FDSTORE=1\nFDNAME=control\n"
        assert os.path.sameopenfile(received, listener.fileno())
        os.close(received)


def test_a_file_name_in_the_status_cannot_speak_to_the_manager(manager: socket.socket, notifier: SystemdNotifier) -> None:
    notifier.status("reading 模型\nSTOPPING=1\x1b[2J\0\udcff")
    assert manager.recv(4096) == rb"STATUS=reading \u6a21\u578b\nSTOPPING=1\x1b[2J\x00\udcff" + b"\n"


def test_a_status_is_bounded() -> None:
    assert len(safe_status("模" * 100_000)) == MAX_STATUS_BYTES
    assert safe_status("x" * 10) == "x" * 10


def test_a_full_queue_never_blocks_and_turns_are_told_later(manager: socket.socket, notifier: SystemdNotifier) -> None:
    for _ in range(1000):
        notifier.watchdog()
    notifier.ready()
    manager.setblocking(False)
    with pytest.raises(BlockingIOError):
        while True:
            assert manager.recv(4096) == b"WATCHDOG=1\n"
    notifier.watchdog()
    notifier.watchdog()
    assert [manager.recv(4096) for _ in range(2)] == [b"READY=1\nWATCHDOG=1\n", b"WATCHDOG=1\n"]


def test_the_manager_may_go(manager: socket.socket, notifier: SystemdNotifier) -> None:
    manager.close()
    notifier.status("nobody listens")


def test_from_the_environment(manager: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "30000000")
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))
    made = notifier_from_environment()
    assert isinstance(made, SystemdNotifier)
    assert made.watchdog_interval_s == 15.0
    made.close()


def test_an_abstract_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"wan-healthd-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind("\0" + name)
        listening.settimeout(2)
        monkeypatch.setenv("NOTIFY_SOCKET", "@" + name)
        made = notifier_from_environment()
        made.ready()
        made.close()
        assert listening.recv(4096) == b"READY=1\n"


@pytest.mark.parametrize("place", ["", "/nowhere/notify", "vsock:2:1234"])
def test_without_a_manager_nothing_happens(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", place)
    made: Notifier = notifier_from_environment()
    assert isinstance(made, NullNotifier)
    for tell in (made.ready, made.reloading, made.stopping, made.watchdog):
        tell()
    made.status("text")
    made.trigger()
    made.extend(1)
    made.keep("control", 0)
    made.let_go("control")
    assert made.watchdog_interval_s is None


@pytest.mark.parametrize(
    ("environment", "interval_s"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "2000000"}, 1.0),
        ({"WATCHDOG_USEC": "2000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "-5"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_the_watchdog_is_for_the_process_it_names(environment: dict[str, str], interval_s: float | None) -> None:
    assert watchdog_interval_s(environment) == interval_s
