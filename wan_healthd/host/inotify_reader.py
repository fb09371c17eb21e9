"""watchdog's inotify descriptor and thread, with what they lack.

watchdog's `Observer` is not used. It swallows watch limits and refusals, holds every event behind a rename back for half a
second, tells an overflow only to the log, and reports the files of a new folder before anybody can know that they are
complete (watchdog 7.1.0, `observers/inotify.py`). The layer below it, which owns the descriptor, the thread and the watch
descriptors, has none of this; its version is pinned, since it is not documented.
"""

from __future__ import annotations

import fcntl
import os
import struct
import termios
from collections.abc import Callable

from watchdog.observers.inotify_c import DEFAULT_EVENT_BUFFER_SIZE, InotifyEvent, InotifyFD


class Reader(InotifyFD):
    """The thread says when it dies, counts its reads, and its descriptor is not inherited by children.

    Args:
        on_lost: called in the thread if it ends by itself.
    """

    def __init__(self, on_lost: Callable[[], None]) -> None:
        super().__init__()
        self.name = "wan-inotify"
        self.reads = 0
        self._on_lost = on_lost

    @classmethod
    def _create_inotify_fd(cls) -> int:
        descriptor = super()._create_inotify_fd()
        os.set_inheritable(descriptor, False)
        return descriptor

    def waiting_bytes(self) -> int:
        """How much of the kernel's queue nobody has read yet; 0 if the descriptor is closed."""
        answer = bytearray(struct.calcsize("i"))
        try:
            fcntl.ioctl(self._inotify_fd, termios.FIONREAD, answer)
        except OSError:
            return 0
        return int(struct.unpack("i", answer)[0])

    def run(self) -> None:
        """Read until stopped; an exception ends the thread, but not in silence."""
        try:
            super().run()
        finally:
            if self.should_keep_running():
                self._is_reading = False  # so that `stop` closes the descriptors instead of asking this thread to
                self.stop()
                self._on_lost()

    def read_events(self, *, event_buffer_size: int = DEFAULT_EVENT_BUFFER_SIZE) -> list[InotifyEvent]:
        """The next events, without repeated writes to one file: a download makes thousands of them a second."""
        events = super().read_events(event_buffer_size=event_buffer_size)
        self.reads += 1
        return without_repeated_writes(events)


def without_repeated_writes(events: list[InotifyEvent]) -> list[InotifyEvent]:
    """The events, less each MODIFY of a file of which the last event before it was a MODIFY too."""
    kept: list[InotifyEvent] = []
    latest: dict[tuple[int, bytes], InotifyEvent] = {}
    for event in events:
        place = (event.wd, event.name)
        before = latest.get(place)
        if before is None or not (event.is_modify and before.is_modify):
            kept.append(event)
        latest[place] = event
    return kept
