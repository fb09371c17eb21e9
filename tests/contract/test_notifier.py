"""What every Notifier keeps to: whatever is told, in whatever order, and whether anybody listens or not, nothing raises."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.notifier import FakeNotifier
from wan_healthd.domain.ports import Notifier
from wan_healthd.host.clock import SystemClock
from wan_healthd.host.notify import NullNotifier, SystemdNotifier


@pytest.fixture(params=["null", "fake", "heard", "full", "gone"])
def notifier(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Notifier]:
    if request.param in ("null", "fake"):
        yield NullNotifier() if request.param == "null" else FakeNotifier()
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager, contextlib.ExitStack() as stack:
        manager.bind(str(tmp_path / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        made = stack.enter_context(contextlib.closing(SystemdNotifier(SystemClock(), 5.0)))
        if request.param == "gone":
            manager.close()
        for _ in range(1000 if request.param == "full" else 0):
            made.watchdog()
        yield made


def test_everything_can_be_told(notifier: Notifier, tmp_path: Path) -> None:
    descriptor = os.open(tmp_path, os.O_RDONLY)
    for _ in range(2):
        notifier.status("any \0 text\n\udcff")
        notifier.reloading()
        notifier.ready()
        notifier.watchdog()
        notifier.extend(0.5)
        notifier.keep("control", descriptor)
        notifier.let_go("control")
        notifier.stopping()
        notifier.trigger()
    os.close(descriptor)
    assert notifier.watchdog_interval_s in (None, 5.0)
