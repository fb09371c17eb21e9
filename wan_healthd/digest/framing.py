"""Frames on a stream socket: cut out of a stream (the engine), or received one by one with descriptors (the worker).

A descriptor travels as SCM_RIGHTS attached to its frame's first byte. Whoever expects descriptors therefore reads exactly one
length field, then exactly that payload: reading further could tear a descriptor from the frame it belongs to.
"""

from __future__ import annotations

import os
import socket
from array import array
from collections.abc import Iterator

from wan_healthd.digest.protocol import LENGTH_BYTES, ProtocolViolation, payload_length

MAX_DESCRIPTORS = 4
"""Room for more than the one that may come, to notice others; the kernel closes what finds no room."""


def send_with_descriptor(connection: socket.socket, data: memoryview, descriptor: int) -> int:
    """Send some of `data`, at least a byte, and with it the descriptor. `socket.send_fds` would drop the flag."""
    rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", [descriptor]))
    return connection.sendmsg([data], [rights], socket.MSG_NOSIGNAL)


def receive_with_descriptors(connection: socket.socket, count: int) -> tuple[bytes, list[int]]:
    """At most `count` bytes and the descriptors that came with them. `socket.recv_fds` would drop the flag."""
    room = socket.CMSG_SPACE(MAX_DESCRIPTORS * array("i").itemsize)
    data, ancillary, _flags, _address = connection.recvmsg(count, room, socket.MSG_CMSG_CLOEXEC)
    descriptors = array("i")
    for level, kind, content in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            descriptors.frombytes(content[: len(content) - len(content) % descriptors.itemsize])
    return data, list(descriptors)


class FrameBuffer:
    """Cuts a stream of bytes, however it was split on the way, into payloads. Holds at most one frame and one feed."""

    def __init__(self) -> None:
        self._pending = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The payloads that `data` completes, in order.

        Raises:
            ProtocolViolation: a frame is announced that nobody may send.
        """
        self._pending += data
        while len(self._pending) >= LENGTH_BYTES:
            end = LENGTH_BYTES + payload_length(bytes(self._pending[:LENGTH_BYTES]))
            if len(self._pending) < end:
                return
            payload = bytes(self._pending[LENGTH_BYTES:end])
            del self._pending[:end]
            yield payload


class FrameReceiver:
    """Receives frames and their descriptors from a blocking socket."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def receive(self) -> tuple[bytes, int | None] | None:
        """The next payload and the descriptor that came with it, which is the caller's now; None at the stream's end.

        Raises:
            ProtocolViolation: an oversized frame, more than one descriptor, or an end in the middle of a frame.
        """
        descriptors: list[int] = []
        try:
            length_field = self._length_field(descriptors)
            if length_field is None:
                return None
            return self._exactly(payload_length(length_field)), descriptors.pop() if descriptors else None
        finally:  # whatever was not handed over
            for descriptor in descriptors:
                os.close(descriptor)

    def _length_field(self, descriptors: list[int]) -> bytes | None:
        field = b""
        while len(field) < LENGTH_BYTES:
            data, received = receive_with_descriptors(self._connection, LENGTH_BYTES - len(field))
            descriptors += received
            if len(descriptors) > 1:
                raise ProtocolViolation("a frame came with more than one descriptor")
            if not data:
                if field:
                    raise ProtocolViolation("the stream ends inside a length field")
                return None
            field += data
        return field

    def _exactly(self, length: int) -> bytes:
        payload = bytearray(length)
        rest = memoryview(payload)
        while rest:
            count = self._connection.recv_into(rest)
            if not count:
                raise ProtocolViolation("the stream ends inside a frame")
            rest = rest[count:]
        return bytes(payload)
