"""A file that is replaced, cut, deleted, locked or made a link while it is judged: in the end the verdict is right."""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fakes.safetensors_files import sample
from tests.support.control import Document, until
from tests.support.daemons import Home
from tests.support.own_process import in_own_process
from wan_healthd import ModelHealthMonitor

CONTENT = sample(1, 3 << 20, 6)
OTHER = sample(2, 3 << 20, 6)
ROUNDS = 200
SEED = 20261122


class Vandal:
    """Does to one file whatever may happen to a file; at most one thing of each kind at a time.

    `aside` is a folder on the same file system that nobody watches.
    """

    def __init__(self, file: Path, aside: Path) -> None:
        self._file = file
        self._new = aside / "new"
        self._twin = aside / "twin"
        self._twin.write_bytes(CONTENT)
        self.deeds: tuple[Callable[[], object], ...] = (
            self.replace,
            self.cut,
            self.delete,
            self.lock,
            self.unlock,
            self.link,
            self.rewrite,
            self.flip,
            self.make_folder,
            self.restore,
        )

    def replace(self) -> None:
        self._new.write_bytes(OTHER)
        self.clear()
        self._new.replace(self._file)

    def cut(self) -> None:
        os.truncate(self._file, random.randrange(len(CONTENT)))

    def delete(self) -> None:
        self._file.unlink()

    def lock(self) -> None:
        self._file.chmod(0)

    def unlock(self) -> None:
        self._file.chmod(0o644)

    def link(self) -> None:
        self.clear()
        self._file.symlink_to(random.choice([self._twin, Path("nowhere"), self._file]))

    def rewrite(self) -> None:
        self._file.write_bytes(CONTENT)

    def flip(self) -> None:
        with self._file.open("r+b") as file:
            file.seek(random.randrange(len(CONTENT)))
            file.write(b"?")

    def make_folder(self) -> None:
        self.clear()
        self._file.mkdir()

    def restore(self) -> None:
        self._new.write_bytes(CONTENT)
        self.clear()
        self._new.replace(self._file)

    def clear(self) -> None:
        if self._file.is_dir() and not self._file.is_symlink():
            self._file.rmdir()
        else:
            self._file.unlink(missing_ok=True)

    def rage(self, calm: threading.Event) -> int:
        """Until told to calm down; returns how many deeds were done."""
        for count in itertools.count():
            if calm.is_set():
                return count
            try:
                random.choice(self.deeds)()
            except OSError:
                continue  # there was nothing to do it to
        return 0


async def judged_while_it_changes(folder: Path) -> dict[str, object]:
    random.seed(SEED)
    file, aside = folder / "models/flux/w.safetensors", folder / "aside"
    for place in (file.parent, aside):
        place.mkdir(parents=True)
    file.write_bytes(CONTENT)
    monitor = ModelHealthMonitor(folder / "models")
    first = await monitor.check_model_integrity("flux")
    vandal, calm = Vandal(file, aside), threading.Event()
    raging = asyncio.create_task(asyncio.to_thread(vandal.rage, calm))
    seen: set[str] = set()
    for number in range(ROUNDS):
        result = await monitor.check_model_integrity("flux", full=number % 3 == 0)
        seen.update(issue.code for issue in result.issues)
    calm.set()
    deeds = await raging
    vandal.restore()
    intact = await monitor.check_model_integrity("flux")
    vandal.replace()
    damaged = await monitor.check_model_integrity("flux")
    return {
        "first": first.health_status,
        "seen": sorted(seen),
        "deeds": deeds,
        "intact": [intact.health_status, [issue.code for issue in intact.issues]],
        "damaged": [damaged.health_status, [issue.code for issue in damaged.issues]],
    }


def test_hundreds_of_checks_of_a_file_that_never_stands_still(tmp_path: Path) -> None:
    told = in_own_process(judged_while_it_changes, tmp_path)
    assert told["first"] == "healthy"
    assert told["deeds"] > 100
    assert set(told["seen"]) > {"file-missing", "checksum-mismatch"}
    assert "internal-error" not in told["seen"]
    assert told["intact"] == ["healthy", []]
    assert told["damaged"] == ["corrupted", ["checksum-mismatch"]]


VERDICTS = {
    "intact": ("healthy", []),
    "other": ("corrupted", ["checksum-mismatch"]),
    "gone": ("missing", ["file-missing"]),
}


@pytest.mark.parametrize("last", VERDICTS)
def test_a_daemon_comes_to_the_right_verdict_by_itself(unprivileged_home: Home, last: str) -> None:
    home = unprivileged_home
    random.seed(SEED)
    file = home.put("flux/w.safetensors", CONTENT)
    home.put("flux/config.json", b'{"a": 1}')
    aside = home.folder / "aside"
    aside.mkdir()
    with home.running() as daemon:
        control = daemon.control
        control.await_status("flux", "healthy")
        vandal, calm = Vandal(file, aside), threading.Event()
        raging = threading.Thread(target=vandal.rage, args=(calm,))
        raging.start()
        try:
            for _ in range(15):
                control.check("flux")
        finally:
            calm.set()
            raging.join()
        {"intact": vandal.restore, "other": vandal.replace, "gone": vandal.clear}[last]()
        home.own(home.models)
        status, codes = VERDICTS[last]

        def right() -> Document | None:
            verdict = control.model("flux")
            told = [issue["code"] for issue in verdict["issues"]]
            return verdict if (verdict["health_status"], told) == (status, codes) else None

        until(right, f"it is {status}")
        assert "Traceback" not in daemon.said()
        assert daemon.stop() == 0
