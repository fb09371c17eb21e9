"""The tour from its folder to its clean-up."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType

from wan_healthd.client.connection import LONGEST_PATH
from wan_healthd.daemon.demo.stage import DemoFailed, Stage
from wan_healthd.daemon.demo.tour import Tour
from wan_healthd.daemon.demo.voice import Voice

Handler = Callable[[int, FrameType | None], None] | signal.Handlers

ON_DISK = "/var/tmp"  # noqa: S108 - mkdtemp makes the folder; /tmp is often memory, which says nothing of a disk


def run(*, keep: bool, pauses: bool) -> int:
    """Give the tour; whatever happens, its processes are ended, and its folder is removed unless it is to be kept.

    Raises:
        DemoFailed: it cannot begin, or cannot go on.
    """
    voice = Voice(sys.stdout, os.environ, pauses=pauses)
    folder, exits = _folder(), ExitStack()
    try:
        with _signals(_interrupt, signal.SIGTERM, signal.SIGHUP):
            voice.say(f"A tour of wan-healthd on sample models. All of it happens in {folder}, and nothing anywhere else.")
            Tour(Stage(folder, voice, exits)).run()
    finally:
        with _signals(signal.SIG_IGN, signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # impatience leaves nothing behind
            exits.close()
            if not keep:
                shutil.rmtree(folder)
        voice.then(_ending(folder, keep=keep))
    return 0


def _ending(folder: Path, *, keep: bool) -> str:
    if keep:
        return f"Ended the daemon and the program. Kept {folder}: models, state, daemon.log, config.toml."
    return f"Cleaned up: ended the daemon and the program, removed {folder}."


def _folder() -> Path:
    """An empty folder that nobody else can enter, on a disk if possible, with a short path since it will hold a socket."""
    try:
        folder = Path(tempfile.mkdtemp(prefix="wan-demo-", dir=os.environ.get("TMPDIR") or ON_DISK))
    except OSError as error:
        raise DemoFailed(
            f"cannot make a folder for the tour: {error}", "set TMPDIR to a folder that you may write to"
        ) from None
    if len(os.fsencode(folder / "control.sock")) > LONGEST_PATH:
        folder.rmdir()
        raise DemoFailed(f"cannot make a socket in {folder}: the path is too long", "set TMPDIR to a shorter one")
    return folder


@contextmanager
def _signals(handler: Handler, *numbers: signal.Signals) -> Iterator[None]:
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    """SIGTERM and SIGHUP clean up as Ctrl-C does."""
    raise KeyboardInterrupt
