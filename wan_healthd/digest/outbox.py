"""Frames on their way to the worker: whole and in order, without ever waiting."""

from __future__ import annotations

import fcntl
import socket
from collections import deque

from wan_healthd.digest.framing import send_with_descriptor
from wan_healthd.digest.protocol import ToWorker, encode


class Parcel:
    """One encoded frame and the descriptor that goes with it, which stays its owner's.

    It is no copy, since that would have to be closed here, in the event loop: closing waits for a file server that is silent.
    Whoever closes the descriptor before it was sent calls `drop` first.

    Raises:
        OSError: the frame is too large (EMSGSIZE), or the descriptor is not open (EBADF).
    """

    def __init__(self, frame: ToWorker, descriptor: int | None = None) -> None:
        self.rest = memoryview(encode(frame))
        if descriptor is not None:
            fcntl.fcntl(descriptor, fcntl.F_GETFD)
        self.descriptor = descriptor

    def sent(self, count: int) -> None:
        """Note that `count` bytes are gone, and the descriptor with the first of them."""
        self.rest = self.rest[count:]
        self.drop()

    def drop(self) -> None:
        """The descriptor goes with the frame no more; a job without its file is refused."""
        self.descriptor = None


class Outbox:
    """A queue before a non-blocking socket. A task that is cancelled can leave no half frame behind, since none writes."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._parcels: deque[Parcel] = deque()

    def add(self, parcel: Parcel) -> None:
        """Queue a frame; `flush` sends it."""
        self._parcels.append(parcel)

    def flush(self) -> bool:
        """Send as much as the socket takes; whether that was everything. Raises OSError if nobody is there any more."""
        while self._parcels:
            parcel = self._parcels[0]
            try:
                parcel.sent(self._send(parcel))
            except BlockingIOError:
                return False
            if not parcel.rest:
                self._parcels.popleft()
        return True

    def clear(self) -> None:
        """Drop everything."""
        while self._parcels:
            self._parcels.popleft().drop()

    def _send(self, parcel: Parcel) -> int:
        if parcel.descriptor is None:
            return self._connection.send(parcel.rest, socket.MSG_NOSIGNAL)
        return send_with_descriptor(self._connection, parcel.rest, parcel.descriptor)
