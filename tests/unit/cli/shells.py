"""A shell at a terminal of its own, as a person has it."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

PATIENCE_S = 30


class Typist:
    """Types into a terminal and reads what it shows."""

    def __init__(self, terminal: int) -> None:
        self._terminal = terminal
        self._shown = ""

    def types(self, keys: str) -> None:
        """Press these keys."""
        os.write(self._terminal, keys.encode())

    def sees(self, wanted: str) -> str:
        """All that was shown since the last look, up to and with what is wanted; fails if that never comes."""
        deadline = time.monotonic() + PATIENCE_S
        while wanted not in self._shown:
            left = deadline - time.monotonic()
            assert left > 0 and select.select([self._terminal], [], [], left)[0], f"no {wanted!r} in {self._shown!r}"
            self._shown += os.read(self._terminal, 4096).decode("utf-8", "replace")
        seen, _, self._shown = self._shown.partition(wanted)
        return seen + wanted


@contextmanager
def at_terminal(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Iterator[Typist]:
    """The command in `folder`, until the block ends."""
    ours, theirs = pty.openpty()
    shell = subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, cwd=folder, env=environment, start_new_session=True
    )
    os.close(theirs)
    try:
        yield Typist(ours)
    finally:
        shell.kill()
        shell.wait(PATIENCE_S)
        os.close(ours)
