"""The worker's entry: `python -m wan_healthd.digest.worker SOCKET`, started by `engine` with that descriptor open.

It ends when its parent does, in the middle of whatever it does: by the end of the stream, or, where a forked copy of the
parent still holds the socket, by the parent's pidfd. Nothing here needs to be tidied up: it only ever reads, and has
given up all else before it hears of a file (see `confine`).
"""

from __future__ import annotations

import os
import resource
import select
import signal
import socket
import sys
import threading
from typing import NoReturn

from wan_healthd.digest.confine import confine
from wan_healthd.digest.framing import FrameReceiver
from wan_healthd.digest.jobs import Jobs
from wan_healthd.digest.last_in_line import step_back
from wan_healthd.digest.protocol import (
    VERSION,
    Cancel,
    Finish,
    FollowJob,
    FromWorker,
    HeaderJob,
    Hello,
    LocateJob,
    Pace,
    Ping,
    Pong,
    ProtocolViolation,
    ReadJob,
    ToWorker,
    decode_to_worker,
    encode,
)
from wan_healthd.domain.confinement import Confinement

SWITCH_INTERVAL_S = 5e-4
"""A hashing thread gets the interpreter back this soon after it returns from C."""


class Speaker:
    """Sends whole frames from any thread; where nobody listens any more, the process ends."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._lock = threading.Lock()

    def send(self, frame: FromWorker) -> None:
        """Send one frame. Raises OSError (EMSGSIZE) before anything is sent if it is too large."""
        data = encode(frame)
        try:
            with self._lock:
                self._connection.sendall(data)
        except OSError:
            os._exit(os.EX_OK)


class Worker:
    """Receives frames and hands them to `Jobs`, which works in threads of its own."""

    def __init__(self, connection: socket.socket, confinement: Confinement) -> None:
        self._confinement = confinement
        self._receiver = FrameReceiver(connection)
        self._speaker = Speaker(connection)
        self._jobs = Jobs(self._speaker.send)
        self._events = select.poll()
        self._events.register(connection, select.POLLIN)
        self._parent = os.pidfd_open(os.getppid())
        self._events.register(self._parent, select.POLLIN)

    def serve(self) -> None:
        """Work until the parent is gone.

        Raises:
            ProtocolViolation: whoever is at the other end is not our engine.
        """
        self._speaker.send(Hello(VERSION, self._confinement))
        greeted = False
        while (received := self._next()) is not None:
            payload, descriptor = received
            frame = decode_to_worker(payload)
            if greeted:
                self._obey(frame, descriptor)
            elif frame != Hello(VERSION):
                raise ProtocolViolation(f"the engine does not speak version {VERSION}")
            greeted = True

    def _next(self) -> tuple[bytes, int | None] | None:
        if any(descriptor == self._parent for descriptor, _event in self._events.poll()):
            return None
        return self._receiver.receive()

    def _obey(self, frame: ToWorker, descriptor: int | None) -> None:
        match frame:
            case ReadJob() | FollowJob() | HeaderJob() | LocateJob():
                self._jobs.start(frame, descriptor)
            case Cancel(job=number):
                self._jobs.cancel(number)
            case Finish(job=number, is_final=is_final):
                self._jobs.finish(number, is_final=is_final)
            case Pace(bytes_per_s=bytes_per_s):
                self._jobs.set_pace(bytes_per_s)
            case Ping(number=number):
                self._speaker.send(Pong(number, self._jobs.at_storage()))
            case Hello():
                raise ProtocolViolation("the engine said hello twice")


def _settle_in() -> None:
    """What a terminal signals is for the daemon, which ends us; a crash leaves no copy of somebody's model on the disk.

    That somebody waits for a lease of ours, we see when we look (see `lease`).
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGIO, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    step_back()
    sys.setswitchinterval(SWITCH_INTERVAL_S)


def main(argv: list[str]) -> NoReturn:
    """Serve on the descriptor that `argv` names; never returns, and waits for no thread."""
    _settle_in()
    try:
        Worker(socket.socket(fileno=int(argv[1])), confine()).serve()
    except ProtocolViolation as error:
        print(f"wan-healthd digest worker: cannot go on: {error}", file=sys.stderr, flush=True)
        os._exit(os.EX_PROTOCOL)
    except ConnectionError:
        pass
    os._exit(os.EX_OK)


if __name__ == "__main__":
    main(sys.argv)
