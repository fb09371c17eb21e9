"""InotifyWatcher and a file system that does not answer: only its own root is deaf, and the end does not wait for it."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.hints import Hints
from tests.support.bad_disk import BadDisk, bad_disk
from wan_healthd.domain.ports import WatchKind
from wan_healthd.host.inotify import MOST_PARTING_S, InotifyWatcher


@pytest.fixture
def net(tmp_path: Path) -> Iterator[BadDisk]:
    with bad_disk(tmp_path / "net", {"file": b"x"}) as disk:
        yield disk


@pytest.fixture
def local(tmp_path: Path) -> Path:
    folder = tmp_path / "local"
    folder.mkdir()
    return folder


def test_a_root_that_does_not_answer_deafens_no_other(net: BadDisk, local: Path) -> None:
    hints, silent, root = Hints(), os.fsencode(net.point), os.fsencode(local)
    watcher = InotifyWatcher(canary_s=0.2)
    watcher.start(hints)
    watcher.add_root(root)
    watcher.add_root(silent)
    net.fall_silent()
    patrol = threading.Thread(target=watcher.patrol, args=(silent,))
    patrol.start()
    try:
        (local / "new").mkdir()
        hints.wait_for(WatchKind.FOLDER_CHANGED, root + b"/new")
        (local / "new" / "file").write_bytes(b"x")
        hints.wait_for(WatchKind.CLOSED, root + b"/new/file")
        watcher.patrol(root)
        assert (watcher.report(root).folders, watcher.report(silent).folders) == (2, 1)
        assert [place.kind for place in watcher.report(silent).eventless] == ["fuse"]
        assert patrol.is_alive()
        begun = time.monotonic()
        watcher.stop()
        assert time.monotonic() - begun < MOST_PARTING_S + 1.0
    finally:
        net.speak()
        patrol.join(5)
    assert not patrol.is_alive()
