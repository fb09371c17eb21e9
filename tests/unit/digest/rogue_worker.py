"""A worker that misbehaves: `python rogue_worker.py HOW SOCKET`. Greets, waits for one job, then does what HOW says."""

from __future__ import annotations

import os
import signal
import socket
import sys

from wan_healthd.digest.framing import FrameReceiver
from wan_healthd.digest.protocol import (
    VERSION,
    Blocks,
    HeaderDone,
    Hello,
    Pace,
    Ping,
    Pong,
    Progress,
    ReadDone,
    decode_to_worker,
    encode,
)
from wan_healthd.domain.digests import Assurance
from wan_healthd.domain.evidence import HeaderFacts
from wan_healthd.domain.ports import BlockRun, ReadOutcome

OUTCOME = ReadOutcome((1, 1, 1, 1), (1, 1, 1, 1), None, Assurance.DISK)


def answers(how: str, job: int) -> bytes:
    """What it says to its first job."""
    return {
        "garbage": b"\0\0\0\4\xc1\xc1\xc1\xc1",
        "oversized": b"\xff\xff\xff\xff",
        "broken-digest": encode(Blocks(job, BlockRun(0, b"short", Assurance.DISK))),
        "other-kind": encode(ReadDone(job, OUTCOME)),
        "progress-of-a-header": encode(Progress(job, 1)),
        "unknown-job": encode(HeaderDone(job + 1, HeaderFacts("safetensors"))),
        "unknown-ping": encode(Pong(77)),
        "second-greeting": encode(Hello(VERSION)),
        "half-a-frame": encode(HeaderDone(job, HeaderFacts("safetensors")))[:-1],
    }.get(how, b"")


def main(how: str, connection: socket.socket) -> None:
    if how == "mute":
        signal.pause()
    connection.sendall(encode(Hello(VERSION + 1 if how == "other-version" else VERSION)))
    receiver = FrameReceiver(connection)
    while (received := receiver.receive()) is not None:
        payload, _descriptor = received
        frame = decode_to_worker(payload)
        if isinstance(frame, Ping) and how in ("idles", "waits-for-storage"):
            connection.sendall(encode(Pong(frame.number, (1,) if how == "waits-for-storage" else ())))
        if isinstance(frame, Hello | Ping | Pace):
            continue
        connection.sendall(answers(how, frame.job))
        if how == "half-a-frame":
            os._exit(3)
        if how == "hangs-up":
            connection.close()
            signal.pause()


if __name__ == "__main__":
    main(sys.argv[1], socket.socket(fileno=int(sys.argv[2])))
