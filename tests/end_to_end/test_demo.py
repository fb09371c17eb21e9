"""The tour, as a user gets it: every step shows what it must, it stays in its folder, and it leaves nothing behind."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.support.checkout import environment

DEMO = [sys.executable, "-m", "wan_healthd.daemon.main", "demo"]
WIDTH = 80
SILENCE_S = 30.0
COLOUR = re.compile(r"\x1b\[[0-9;]*m")

SHOWN = {
    "Samples": ["wan-sample/diffusion_pytorch_model-00002-of-00003.safetensors", "loras/wan-sample-lora.safetensors"],
    "The daemon": ["$ wan-healthd --config", "$ healthctl status", "healthy, score 1.00, 3 models", "wan-sample: go"],
    "A program of yours": ["add_corruption_callback", "callback: wan-experts is healthy, score 1.00"],
    "One bit flips": [
        "callback: wan-sample is corrupted",
        "flipped bit 2 of byte 8406616",
        "in block 8 (1048576 bytes at offset 8388608)",
        "tensors: blocks.1.ffn.2.weight",
        "cause: rewritten",
        "wan-sample: no-go",
    ],
    "A download that ended early": ["incomplete_download", "$ healthctl report wan-sample", "00003-of-00003.safetensors"],
    "Two experts, swapped": ["the two were swapped", "callback: wan-experts has checksum_mismatch"],
    "A pointer instead of a model": ["is a git-LFS pointer", "callback: loras/wan-sample-lora.safetensors is corrupted"],
    "A download that was given up": ["the sweep is done", "unfinished download or copy", "last written to 3 days ago"],
    "Alerts": ["critical  corruption-found", "acknowledged", "by uid"],
    "Sweeps and the schedule": ["sweeps are paused", "a long render", "full-sweep", "1  check of loras"],
    "The report, and the disk": ["3 corrupted", "% used on the fullest file system"],
    "Health comes back, and trust": [
        "callback: wan-sample is healthy",
        "wan-experts: healthy",
        "healthy, score 1.00, 3 models",
    ],
    "kill -9": ["$ kill -9 ", "daemon-started"],
    "Without a daemon": ["3 of 3 models healthy", "Exit status 0."],
}


@pytest.fixture
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the tour's folder will be: a short path, since it will hold a socket."""
    return tmp_path_factory.mktemp("d")


def told(place: Path) -> dict[str, str]:
    """The environment: whatever a daemon would touch by mistake lies in `home`, and is looked at in the end."""
    home = place / "home"
    home.mkdir()
    return {
        **environment(),
        "TMPDIR": str(place),
        "HOME": str(home),
        "XDG_STATE_HOME": str(home / "state"),
        "XDG_RUNTIME_DIR": str(home),
        "WAN_HEALTHD_SOCKET": str(home / "nowhere"),
        "STATE_DIRECTORY": str(home / "service"),
    }


def left_in(place: Path) -> list[str]:
    return sorted(str(path.relative_to(place)) for path in place.rglob("*"))


def steps_of(said: str) -> dict[str, str]:
    """What each step said, by its title."""
    parts = re.split(r"^(\d+)\. (.+)$", said, flags=re.MULTILINE)
    return dict(zip(parts[2::3], parts[3::3], strict=True))


@pytest.mark.timeout(180)  # measured: 19 to 36 s on two cores that others kept busy
def test_every_step_shows_what_it_must_and_nothing_is_left(place: Path) -> None:
    outcome = subprocess.run(
        [*DEMO, "--yes"],
        env=told(place),
        cwd=place,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )
    said = outcome.stdout
    assert (outcome.returncode, outcome.stderr) == (0, ""), said
    steps = steps_of(said)
    assert list(steps) == list(SHOWN)
    flat = {title: " ".join(text.split()) for title, text in steps.items()}
    assert [
        (title, words) for title, shown in SHOWN.items() for words in shown if " ".join(words.split()) not in flat[title]
    ] == []
    assert "\x1b" not in said
    assert [line for line in said.splitlines() if len(line) > WIDTH and max(map(len, line.split())) < WIDTH - 30] == []
    assert "Cleaned up: ended the daemon and the program, removed" in said
    assert left_in(place) == ["home"]


@contextmanager
def on_terminal(place: Path, *options: str) -> Iterator[Visitor]:
    """The tour on a terminal of its own."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*DEMO, *options], env=told(place), cwd=place, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    )
    os.close(theirs)
    try:
        yield Visitor(process, ours)
    finally:
        os.close(ours)
        process.kill()
        process.wait()


class Visitor:
    """Somebody at the terminal."""

    def __init__(self, process: subprocess.Popen[bytes], terminal: int) -> None:
        self.process = process
        self._shown = ""
        self._terminal = terminal

    @property
    def seen(self) -> str:
        """All that was shown, without colours."""
        return COLOUR.sub("", self._shown)

    @property
    def has_seen_colours(self) -> bool:
        return COLOUR.search(self._shown) is not None

    def read_until(self, words: str) -> None:
        """Read on until they are there."""
        deadline = time.monotonic() + 30
        while words not in self.seen:
            assert time.monotonic() < deadline, self.seen
            self._read()

    def read_to_the_end(self) -> int:
        """Read all that is left; returns the exit status."""
        try:
            while True:
                self._read()
        except OSError:  # EIO: the last one hung up
            return self.process.wait(30)

    def press_enter(self) -> None:
        os.write(self._terminal, b"\n")

    def _read(self) -> None:
        assert select.select([self._terminal], [], [], SILENCE_S)[0], self.seen
        self._shown += os.read(self._terminal, 65536).decode("utf-8", "replace")


def test_it_waits_for_enter_and_an_interrupt_cleans_up(place: Path) -> None:
    with on_terminal(place) as visitor:
        visitor.read_until("[Enter] goes on, Ctrl-C ends")
        assert "The daemon" not in visitor.seen
        assert visitor.has_seen_colours
        visitor.press_enter()
        visitor.read_until("wan-sample: go")
        children = psutil.Process(visitor.process.pid).children(recursive=True)
        assert children
        visitor.process.send_signal(signal.SIGINT)
        assert visitor.read_to_the_end() == 130
        assert "Cleaned up" in visitor.seen
        assert "Traceback" not in visitor.seen
    assert not any(child.is_running() for child in children)
    assert left_in(place) == ["home"]


def test_what_is_kept_is_named(place: Path) -> None:
    with on_terminal(place, "--keep") as visitor:
        visitor.read_until("[Enter] goes on")
        visitor.process.terminate()
        assert visitor.read_to_the_end() == 130
    (kept,) = place.glob("wan-demo-*")
    assert f"Kept {kept}" in " ".join(visitor.seen.split())
    assert (kept / "models" / "wan-sample").is_dir()


def test_a_place_that_is_too_deep_is_refused(place: Path) -> None:
    deep = place / ("x" * 100)
    deep.mkdir()
    outcome = subprocess.run(
        [*DEMO, "--yes"], env={**told(place), "TMPDIR": str(deep)}, capture_output=True, text=True, timeout=30, check=False
    )
    assert outcome.returncode == 6
    assert "set TMPDIR to a shorter one" in outcome.stderr
    assert left_in(deep) == []
