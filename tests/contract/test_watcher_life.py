"""How every Watcher begins and ends: the one over inotify, and the fake."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fakes.hints import Hints
from tests.fakes.watcher import FakeWatcher
from wan_healthd.domain.ports import Watcher, WatchEvent, WatchKind
from wan_healthd.host.inotify import InotifyWatcher

ABSENT = b"/nonexistent/wan-healthd"


def fake() -> Watcher:
    watcher = FakeWatcher()
    watcher.unwatchable.add(ABSENT)
    return watcher


@pytest.fixture(params=[InotifyWatcher, fake], ids=["inotify", "fake"])
def watcher(request: pytest.FixtureRequest) -> Iterator[Watcher]:
    make: Callable[[], Watcher] = request.param
    made = make()
    yield made
    made.stop()


def test_a_root_that_cannot_be_watched_is_told(watcher: Watcher) -> None:
    hints = Hints()
    watcher.start(hints)
    watcher.add_root(ABSENT)
    hints.wait_for(WatchKind.FAILED, ABSENT)
    watcher.add_root(ABSENT)
    assert hints.events == [WatchEvent(WatchKind.FAILED, ABSENT)] * 2, "each time"


def test_what_is_not_watched_can_be_removed(watcher: Watcher, tmp_path: Path) -> None:
    hints = Hints()
    watcher.start(hints)
    watcher.remove_root(ABSENT)
    watcher.add_root(os.fsencode(tmp_path))
    watcher.add_root(os.fsencode(tmp_path))
    watcher.remove_root(os.fsencode(tmp_path))
    watcher.remove_root(os.fsencode(tmp_path))
    assert hints.events == []


def test_nothing_is_told_after_the_end(watcher: Watcher, tmp_path: Path) -> None:
    hints = Hints()
    watcher.stop()
    watcher.start(hints)
    watcher.stop()
    watcher.stop()
    watcher.add_root(ABSENT)
    assert hints.events == []
