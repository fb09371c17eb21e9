"""The frames between the engine and its worker, in both directions.

Both ends send `Hello` first; ends that speak different versions part at once. Afterwards the engine sends jobs, `Cancel`,
`Finish`, `Pace` and `Ping`. The worker answers each job with any number of `Blocks` and `Progress` and exactly one of
`ReadDone`, `HeaderDone`, `LocateDone`, `Refused`, and each ping with a `Pong`. Frames of several jobs interleave; those of one
job keep their order. A job that needs a file carries its descriptor with the frame (see `framing`).

Growth: a new field stands last and has a default, a new kind of frame raises `VERSION`; what is here keeps its meaning.
"""

from __future__ import annotations

import errno
import os
from typing import Annotated, TypeAlias

import msgspec
from msgspec import Meta, Struct

from wan_healthd.domain.confinement import Confinement
from wan_healthd.domain.digests import BLOCK_DIGEST_BYTES
from wan_healthd.domain.evidence import HeaderFacts
from wan_healthd.domain.extents import ByteRange
from wan_healthd.domain.ports import BlockRun, ReadOutcome, ReadRequest, TouchedTensors

VERSION = 3
MAX_PAYLOAD_BYTES = 8 << 20
"""Largest payload of one frame, in bytes; whoever announces more is not speaking this protocol."""

LENGTH_BYTES = 4
"""Every payload follows its own length as an unsigned 32-bit big-endian number."""

JobNumber: TypeAlias = Annotated[int, Meta(ge=1)]


class ProtocolViolation(Exception):
    """The other end sent what it must not; nothing it says can be trusted any more."""


class Hello(Struct, frozen=True, array_like=True, tag="hello"):
    """First frame of either end; the worker says how it is confined."""

    version: int
    confinement: Confinement | None = None


class ReadJob(Struct, frozen=True, array_like=True, tag="read"):
    """Read and digest the file whose descriptor comes with this frame."""

    job: JobNumber
    request: ReadRequest


class FollowJob(Struct, frozen=True, array_like=True, tag="follow"):
    """Digest the file whose descriptor comes with this frame as it grows, until a final `Finish`; answered as a `ReadJob`."""

    job: JobNumber


class HeaderJob(Struct, frozen=True, array_like=True, tag="header"):
    """Judge the header of the file whose descriptor comes with this frame; `from_disk`: past the page cache."""

    job: JobNumber
    format_name: str
    from_disk: bool = False


class LocateJob(Struct, frozen=True, array_like=True, tag="locate"):
    """Name the tensors that the ranges touch, by a header that was packed earlier; comes without a descriptor."""

    job: JobNumber
    format_name: str
    packed_header: bytes
    ranges: tuple[ByteRange, ...]


class Cancel(Struct, frozen=True, array_like=True, tag="cancel"):
    """End the job at its next chunk; it still answers once. No error if it has ended already."""

    job: JobNumber


class Finish(Struct, frozen=True, array_like=True, tag="finish"):
    """Somebody closed or renamed the file of this `FollowJob`: if nobody writes to it any more, prove what came in.

    `is_final`: answer now, whatever it is; else go on, or keep what was proven until then. No error if the job has ended.
    """

    job: JobNumber
    is_final: bool = True


class Ping(Struct, frozen=True, array_like=True, tag="ping"):
    """Asks for a `Pong` of the same number, whatever the jobs are doing."""

    number: int


class Pace(Struct, frozen=True, array_like=True, tag="pace"):
    """How fast all paced reads together may be from now on, in bytes per second; None for no limit, 0: they wait."""

    bytes_per_s: float | None


class Pong(Struct, frozen=True, array_like=True, tag="pong"):
    """The answer to a `Ping`; `waiting` are the jobs that a system call of theirs keeps waiting for the storage."""

    number: int
    waiting: tuple[JobNumber, ...] = ()


class Blocks(Struct, frozen=True, array_like=True, tag="blocks"):
    """Digests of consecutive blocks, in file order."""

    job: JobNumber
    run: BlockRun


class Progress(Struct, frozen=True, array_like=True, tag="progress"):
    """The read advances, or still fights for single sectors; sent about once a second."""

    job: JobNumber
    bytes_read: int


class ReadDone(Struct, frozen=True, array_like=True, tag="read-done"):
    """Last answer to a `ReadJob` or `FollowJob`."""

    job: JobNumber
    outcome: ReadOutcome


class HeaderDone(Struct, frozen=True, array_like=True, tag="header-done"):
    """Answer to a `HeaderJob`."""

    job: JobNumber
    facts: HeaderFacts


class LocateDone(Struct, frozen=True, array_like=True, tag="locate-done"):
    """Answer to a `LocateJob`."""

    job: JobNumber
    touched: TouchedTensors


class Refused(Struct, frozen=True, array_like=True, tag="refused"):
    """The job could not be done, or was cancelled ("ECANCELED"). `text` is one printable line."""

    job: JobNumber
    errno_name: str
    text: str


Job: TypeAlias = ReadJob | FollowJob | HeaderJob | LocateJob
ToWorker: TypeAlias = Hello | ReadJob | FollowJob | HeaderJob | LocateJob | Cancel | Finish | Ping | Pace
Done: TypeAlias = ReadDone | HeaderDone | LocateDone
FromWorker: TypeAlias = Hello | Pong | Blocks | Progress | ReadDone | HeaderDone | LocateDone | Refused

NOT_A_FRAME = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What msgspec raises over bytes that are no message; text that is not UTF-8 is not among its own errors."""

_encoder = msgspec.msgpack.Encoder()
_to_worker: msgspec.msgpack.Decoder[ToWorker] = msgspec.msgpack.Decoder(ToWorker)
_from_worker: msgspec.msgpack.Decoder[FromWorker] = msgspec.msgpack.Decoder(FromWorker)


def encode(frame: ToWorker | FromWorker) -> bytes:
    """The frame with its length in front.

    Raises:
        OSError: EMSGSIZE, if the payload would be larger than `MAX_PAYLOAD_BYTES`.
    """
    payload = _encoder.encode(frame)
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise OSError(errno.EMSGSIZE, os.strerror(errno.EMSGSIZE))
    return len(payload).to_bytes(LENGTH_BYTES, "big") + payload


def payload_length(length_field: bytes) -> int:
    """How many bytes follow this length field.

    Raises:
        ProtocolViolation: more than anybody may send.
    """
    length = int.from_bytes(length_field, "big")
    if length > MAX_PAYLOAD_BYTES:
        raise ProtocolViolation(f"a frame of {length} bytes was announced")
    return length


def decode_to_worker(payload: bytes) -> ToWorker:
    """What the engine said.

    Raises:
        ProtocolViolation: it is none of `ToWorker`.
    """
    try:
        return _to_worker.decode(payload)
    except NOT_A_FRAME as error:
        raise ProtocolViolation(f"a frame makes no sense: {error}") from error


def decode_from_worker(payload: bytes) -> FromWorker:
    """What the worker said.

    Raises:
        ProtocolViolation: it is none of `FromWorker`, or holds broken digests.
    """
    try:
        answer = _from_worker.decode(payload)
    except NOT_A_FRAME as error:
        raise ProtocolViolation(f"a frame makes no sense: {error}") from error
    if isinstance(answer, Blocks) and (not answer.run.digests or len(answer.run.digests) % BLOCK_DIGEST_BYTES):
        raise ProtocolViolation("a run of blocks holds a part of a digest")
    return answer
