"""What a thread that follows a file is told of its writer."""

from __future__ import annotations

import threading


class Cues:
    """Given by one thread, waited for by another.

    Attributes:
        is_final: the file is to be judged now, whatever comes of it; before that, any cue says only that it may be whole.
    """

    def __init__(self) -> None:
        self._stir = threading.Event()
        self.is_final = False

    def give(self, *, is_final: bool) -> None:
        """Wake whoever waits."""
        self.is_final = self.is_final or is_final
        self._stir.set()

    def wait(self, wait_s: float) -> bool:
        """Wait for the next cue, at most so many seconds; whether there was one."""
        was_given = self._stir.wait(wait_s)
        self._stir.clear()  # what is given from now on is seen by the next call, and `is_final` stays
        return was_given or self.is_final
