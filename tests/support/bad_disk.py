"""A disk that goes bad: one folder of files over the kernel's own FUSE protocol, without a library.

It refuses stretches of its files with EIO, and can fall silent or die as a network mount does. What its server changes by
itself makes no inotify event, just as on a network mount. Needs root and /dev/fuse.
Structures are those of linux/fuse.h, protocol 7.31.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import select
import socket
import stat
import struct
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

DEVICE = "/dev/fuse"
HEADER = struct.Struct("<IIQQIIII")
MOST_BYTES = (1 << 20) + 4096
MNT_DETACH = 2
ROOT = 1
DIRECT_IO = 1
SILENCE, SPEECH, DEATH = b"-", b"+", b"."
LOOKUP, FORGET, GETATTR, OPEN, READ, STATFS, RELEASE, FLUSH = 1, 2, 3, 14, 15, 17, 18, 25
INIT, OPENDIR, READDIR, RELEASEDIR, INTERRUPT, BATCH_FORGET = 26, 27, 28, 29, 36, 42
UNANSWERED = frozenset({FORGET, INTERRUPT, BATCH_FORGET})
WRITTEN_S = 1_700_000_000
libc = ctypes.CDLL(None, use_errno=True)


class Served(NamedTuple):
    """A file as the server has it."""

    node: int
    content: bytes
    written_s: int = WRITTEN_S


class BadDisk:
    """Holds `files` by name below `point`; reads that touch `bad` (offsets of every file) fail with EIO.

    Once it fell silent every request waits for ever, until it speaks again or dies.
    """

    def __init__(self, point: Path, files: Mapping[str, bytes], bad: range = range(0)) -> None:
        self.point = point
        self._files = {name: Served(node, content) for node, (name, content) in enumerate(files.items(), ROOT + 1)}
        self._last_node = ROOT + len(files)
        self._bad = bad
        self._orders, self._listens = socket.socketpair()
        self._device = os.open(DEVICE, os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)
        options = f"fd={self._device},rootmode=40755,user_id=0,group_id=0,allow_other".encode()
        if libc.mount(b"bad-disk", os.fsencode(point), b"fuse", 0, options):
            refusal = ctypes.get_errno()
            self._close()
            raise OSError(refusal, os.strerror(refusal))
        self._thread = threading.Thread(target=self._serve, name="bad-disk")
        self._thread.start()

    def put(self, name: str, content: bytes) -> None:
        """On the server a file is made, or overwritten in its place."""
        before = self._files.get(name)
        self._last_node += before is None
        served = Served(self._last_node if before is None else before.node, content, int(time.time()))
        self._files = {**self._files, name: served}  # the serving thread sees the one or the other

    def take(self, name: str) -> None:
        """On the server a file is removed."""
        self._files = {kept: served for kept, served in self._files.items() if kept != name}

    def fall_silent(self) -> None:
        self._orders.send(SILENCE)

    def speak(self) -> None:
        self._orders.send(SPEECH)

    def die(self) -> None:
        """What a FUSE server leaves behind that was killed: a mount whose every use is answered with ENOTCONN."""
        self._orders.send(DEATH)
        self._thread.join()

    def remove(self) -> None:
        libc.umount2(os.fsencode(self.point), MNT_DETACH)
        if self._thread.is_alive():
            self.die()
        self._orders.close()
        self._listens.close()

    def _close(self) -> None:
        os.close(self._device)
        self._orders.close()
        self._listens.close()

    def _serve(self) -> None:
        both, orders = select.poll(), select.poll()
        for poll in (both, orders):
            poll.register(self._listens, select.POLLIN)
        both.register(self._device, select.POLLIN)
        poll = both
        try:
            while True:
                ready = {descriptor for descriptor, _ in poll.poll()}
                if self._listens.fileno() in ready:
                    order = self._listens.recv(1)
                    if order == DEATH:
                        return
                    poll = orders if order == SILENCE else both
                elif self._device in ready:
                    self._answer(os.read(self._device, MOST_BYTES))
        except OSError as error:
            if error.errno not in (errno.ENODEV, errno.EBADF):  # unmounted
                raise
        finally:
            os.close(self._device)

    def _answer(self, request: bytes) -> None:
        _, opcode, unique, node, *_ = HEADER.unpack_from(request)
        if opcode in UNANSWERED:
            return
        try:
            body, code = self._body(opcode, node, request[HEADER.size :]), 0
        except OSError as error:
            body, code = b"", -(error.errno or errno.EIO)
        with contextlib.suppress(OSError):  # whoever asked was killed meanwhile
            os.write(self._device, struct.pack("<IiQ", 16 + len(body), code, unique) + body)

    def _body(self, opcode: int, node: int, rest: bytes) -> bytes:
        answers = {
            INIT: self._init,
            LOOKUP: self._entry,
            GETATTR: self._attributes_answer,
            OPEN: self._open,
            OPENDIR: self._open,
            READ: self._read,
            READDIR: self._list,
            STATFS: self._statfs,
            **dict.fromkeys((RELEASE, FLUSH, RELEASEDIR), self._nothing),
        }
        if opcode not in answers:
            raise OSError(errno.ENOSYS, "not here")
        return answers[opcode](node, rest)

    def _init(self, _node: int, _rest: bytes) -> bytes:
        return struct.pack("<IIIIHHIIHHI28x", 7, 31, 65536, 0, 12, 9, 65536, 1, 0, 0, 0)

    def _open(self, node: int, _rest: bytes) -> bytes:
        return struct.pack("<QII", 0, 0 if node == ROOT else DIRECT_IO, 0)

    def _statfs(self, _node: int, _rest: bytes) -> bytes:
        return struct.pack("<5Q4I24x", 1000, 500, 500, 100, 50, 4096, 255, 4096, 0)

    def _nothing(self, _node: int, _rest: bytes) -> bytes:
        return b""

    def _attributes_answer(self, node: int, _rest: bytes) -> bytes:
        return struct.pack("<QII", 0, 0, 0) + self._attributes(node)

    def _entry(self, _node: int, rest: bytes) -> bytes:
        name = rest.rstrip(b"\0").decode("utf-8", "replace")
        served = self._files.get(name)
        if served is None:
            raise OSError(errno.ENOENT, name)
        return struct.pack("<QQQQII", served.node, 0, 0, 0, 0, 0) + self._attributes(served.node)

    def _served(self, node: int) -> Served:
        found = next((served for served in self._files.values() if served.node == node), None)
        if found is None:
            raise OSError(errno.ESTALE, "removed on the server")
        return found

    def _attributes(self, node: int) -> bytes:
        served = Served(ROOT, b"") if node == ROOT else self._served(node)
        size = len(served.content)
        mode = stat.S_IFDIR | 0o755 if node == ROOT else stat.S_IFREG | 0o644
        blocks, times = -(-size // 512), (served.written_s,) * 3
        return struct.pack("<QQQQQQ10I", node, size, blocks, *times, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)

    def _read(self, node: int, rest: bytes) -> bytes:
        offset, length = struct.unpack_from("<QI", rest, 8)
        if offset < self._bad.stop and offset + length > self._bad.start:
            raise OSError(errno.EIO, "bad sectors")
        return self._served(node).content[offset : offset + length]

    def _list(self, _node: int, rest: bytes) -> bytes:
        (offset,) = struct.unpack_from("<Q", rest, 8)
        entries = b""
        for number, (name, served) in list(enumerate(self._files.items(), 1))[offset:]:
            encoded = name.encode()
            entry = struct.pack("<QQII", served.node, number, len(encoded), stat.S_IFREG >> 12) + encoded
            entries += entry + bytes(-len(entry) % 8)
        return entries


@contextlib.contextmanager
def bad_disk(point: Path, files: Mapping[str, bytes], bad: range = range(0)) -> Iterator[BadDisk]:
    """Such a disk, mounted at `point`, which is made; where none can be made the test is skipped."""
    point.mkdir(parents=True, exist_ok=True)
    try:
        disk = BadDisk(point, files, bad)
    except OSError as error:
        pytest.skip(f"cannot mount a file system of our own: {error}")
    try:
        yield disk
    finally:
        disk.remove()
