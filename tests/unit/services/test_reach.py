"""A root that does not answer keeps nobody waiting for ever, and holds one thread only."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

from wan_healthd.domain.files import Listing
from wan_healthd.host.files import LocalFiles
from wan_healthd.host.threads import ThreadPool
from wan_healthd.services.reach import Reach


class SlowFiles(LocalFiles):
    """A mount that falls silent: every listing waits until the server answers."""

    def __init__(self) -> None:
        super().__init__()
        self.answers = threading.Event()
        self.asked = 0

    def list_folder(self, root: bytes, path: bytes) -> Listing:
        self.asked += 1
        self.answers.wait(10)
        return super().list_folder(root, path)


def test_a_silent_root_holds_one_thread_until_it_answers(tmp_path: Path) -> None:
    root = bytes(tmp_path)
    files, threads = SlowFiles(), ThreadPool()

    async def ask() -> None:
        reach = Reach(files, threads, patience_s=0.05)
        both = await asyncio.gather(reach.list_root(root), reach.list_root(root))
        again = await reach.list_root(root)
        assert [listing.errno_name for listing in (*both, again)] == ["ETIMEDOUT"] * 3
        assert files.asked == 1
        assert reach.is_silent(root)
        (tmp_path / "new").touch()
        files.answers.set()
        while reach.is_silent(root):
            await asyncio.sleep(0.01)
        listing = await reach.list_root(root)
        assert (listing.errno_name, listing.path, len(listing.entries)) == (None, root, 1), "as it is now"
        assert files.asked == 2

    try:
        asyncio.run(ask())
    finally:
        files.answers.set()
        threads.close()
        files.close()
