"""A canary for a watch: a folder is opened for reading, and the event of that must arrive. Nothing is ever written."""

from __future__ import annotations

import os
import threading
from enum import Enum

from watchdog.observers.inotify_c import CallbackId, InotifyConstants, InotifyEvent, Mask, WatchDescriptor

from wan_healthd.host.inotify_reader import Reader

DEADLINE_S = 5.0
"""How long an event may take from the kernel to us; it takes well under a millisecond unless thousands are before it."""


class Song(Enum):
    """How it went."""

    ALIVE = "alive"
    DEAD = "dead"
    """The kernel watches another folder than the one at the path, or none; or it keeps its events to itself."""
    STUCK = "stuck"
    """Events wait, but nobody fetches them."""


class Canary:
    """One trial of the watch on the folder at `path`; watchdog calls it back beside the watch's own callback.

    Args:
        mask: the watch's own, which holds again afterwards.
        known: the watch descriptor that the folder is known by.
    """

    def __init__(self, reader: Reader, path: bytes, mask: Mask, known: WatchDescriptor) -> None:
        self._reader = reader
        self._path = path
        self._mask = mask
        self._known = known
        self._heard = threading.Event()

    def send(self, deadline_s: float = DEADLINE_S) -> Song:
        """Open the folder and wait for the event.

        Raises:
            OSError: there is no folder at the path any more, or it cannot be watched.
        """
        with_open = Mask(self._mask | InotifyConstants.IN_OPEN)
        given = self._reader.add_callback(self._path, with_open, self, CallbackId(id(self)))
        try:
            if given < 0:  # it may not be read now; the watch that stands is none the worse for it
                return Song.ALIVE
            if given != self._known:  # one inode has one descriptor: another folder stands there by now
                return Song.DEAD
            os.close(os.open(self._path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NONBLOCK))
            return self._listen(deadline_s)
        finally:
            self._go_home(given)

    def on_event(self, event: InotifyEvent) -> None:
        """Every event of the folder, also others than ours."""
        if event.is_open and not event.name:
            self._heard.set()

    def on_watch_deleted(self, wd: WatchDescriptor) -> None:
        """The folder is gone; its own callback tells."""
        self._heard.set()

    def on_queue_overflow(self) -> None:
        """Our event may be among the lost ones; all watches are set anew anyway."""
        self._heard.set()

    def _listen(self, deadline_s: float) -> Song:
        reads_before = self._reader.reads
        if self._heard.wait(deadline_s):
            return Song.ALIVE
        if not self._reader.waiting_bytes():
            return Song.DEAD
        return Song.STUCK if self._reader.reads == reads_before else Song.ALIVE  # then it is only busy

    def _go_home(self, given: WatchDescriptor) -> None:
        """The watch's own mask holds again; a watch that nobody had before is let go of."""
        other_id = CallbackId(id(self._heard))
        try:
            again = self._reader.add_callback(self._path, self._mask, self, other_id)
            self._reader.remove_callbacks([(again, other_id)])
        finally:
            self._reader.remove_callbacks([(given, CallbackId(id(self)))])
