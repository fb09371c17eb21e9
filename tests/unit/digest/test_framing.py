"""Frames survive any way of being split, and descriptors stay with their frames."""

from __future__ import annotations

import itertools
import os
import socket
import threading
from contextlib import ExitStack
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wan_healthd.digest.framing import FrameBuffer, FrameReceiver
from wan_healthd.digest.outbox import Outbox, Parcel
from wan_healthd.digest.protocol import (
    MAX_PAYLOAD_BYTES,
    Blocks,
    Cancel,
    FromWorker,
    HeaderDone,
    HeaderJob,
    Hello,
    LocateDone,
    LocateJob,
    Progress,
    ProtocolViolation,
    ReadDone,
    ReadJob,
    Refused,
    ToWorker,
    decode_from_worker,
    decode_to_worker,
    encode,
)
from wan_healthd.domain.digests import Algorithm, Assurance
from wan_healthd.domain.evidence import HeaderFacts, HeaderFault, Section
from wan_healthd.domain.extents import ByteRange
from wan_healthd.domain.ports import BlockRun, ReadMode, ReadOutcome, ReadRequest, TouchedTensors

JOBS = st.integers(1, 2**32)
SIZES = st.integers(0, 2**62)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=20)
RANGES = st.lists(st.builds(ByteRange, SIZES, SIZES), max_size=3).map(tuple)
SECTIONS = st.lists(st.builds(Section, TEXTS, SIZES, SIZES, st.integers(0, 2**32 - 1), st.booleans(), SIZES), max_size=3).map(
    tuple
)
REQUESTS = st.builds(
    ReadRequest,
    SIZES,
    st.lists(st.sampled_from(Algorithm), max_size=2).map(tuple),
    st.sampled_from(ReadMode),
    st.none() | st.lists(st.tuples(SIZES, SIZES), max_size=3).map(tuple),
    SECTIONS,
)
STAMPS = st.tuples(SIZES, SIZES, SIZES, SIZES)
OUTCOMES = st.builds(
    ReadOutcome,
    STAMPS,
    STAMPS,
    st.none() | TEXTS,
    st.sampled_from(Assurance),
    RANGES,
    st.none() | TEXTS,
    st.booleans(),
    SIZES,
    st.lists(SIZES, max_size=3).map(tuple),
)
FACTS = st.builds(
    HeaderFacts,
    TEXTS,
    st.none() | st.builds(HeaderFault, TEXTS, TEXTS),
    packed_header=st.none() | st.binary(),
    sections=SECTIONS,
)
DIGESTS = st.integers(1, 3).flatmap(lambda count: st.binary(min_size=32 * count, max_size=32 * count))
TO_WORKER: st.SearchStrategy[ToWorker] = st.one_of(
    st.builds(Hello, st.integers(0, 9)),
    st.builds(ReadJob, JOBS, REQUESTS),
    st.builds(HeaderJob, JOBS, TEXTS),
    st.builds(LocateJob, JOBS, TEXTS, st.binary(), RANGES),
    st.builds(Cancel, JOBS),
)
FROM_WORKER: st.SearchStrategy[FromWorker] = st.one_of(
    st.builds(Hello, st.integers(0, 9)),
    st.builds(Blocks, JOBS, st.builds(BlockRun, SIZES, DIGESTS, st.sampled_from(Assurance))),
    st.builds(Progress, JOBS, SIZES),
    st.builds(ReadDone, JOBS, OUTCOMES),
    st.builds(HeaderDone, JOBS, FACTS),
    st.builds(LocateDone, JOBS, st.builds(TouchedTensors, st.lists(TEXTS).map(tuple), SIZES, st.booleans())),
    st.builds(Refused, JOBS, TEXTS, TEXTS),
)


@given(frames=st.lists(FROM_WORKER, max_size=6), cuts=st.lists(st.integers(0, 2000)))
def test_answers_survive_any_split(frames: list[FromWorker], cuts: list[int]) -> None:
    stream = b"".join(encode(frame) for frame in frames)
    edges = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    buffer = FrameBuffer()
    heard = [
        decode_from_worker(payload) for start, end in itertools.pairwise(edges) for payload in buffer.feed(stream[start:end])
    ]
    assert heard == frames


@given(frame=TO_WORKER)
def test_jobs_survive(frame: ToWorker) -> None:
    assert decode_to_worker(encode(frame)[4:]) == frame


@given(payload=st.binary(max_size=200))
def test_any_bytes_are_a_frame_or_a_violation(payload: bytes) -> None:
    for decode in (decode_to_worker, decode_from_worker):
        try:
            decode(payload)
        except ProtocolViolation:
            continue


@given(frame=FROM_WORKER, at=st.integers(0, 300), value=st.integers(0, 255))
def test_a_damaged_answer_is_a_frame_or_a_violation(frame: FromWorker, at: int, value: int) -> None:
    payload = bytearray(encode(frame)[4:])
    payload[at % len(payload)] = value
    try:
        decode_from_worker(bytes(payload))
    except ProtocolViolation:
        return


def test_deep_nesting_is_a_violation() -> None:
    with pytest.raises(ProtocolViolation):
        decode_from_worker(b"\x91" * 100_000)


@pytest.mark.parametrize("job", [0, -1])
def test_jobs_count_from_one(job: int) -> None:
    with pytest.raises(ProtocolViolation):
        decode_to_worker(msgspec.msgpack.encode(["cancel", job]))


def test_nobody_announces_more_than_the_bound() -> None:
    with pytest.raises(ProtocolViolation):
        list(FrameBuffer().feed((MAX_PAYLOAD_BYTES + 1).to_bytes(4, "big")))
    with pytest.raises(OSError, match="Message too long"):
        encode(LocateJob(1, "safetensors", bytes(MAX_PAYLOAD_BYTES), ()))


def test_descriptors_stay_with_their_frames_however_slowly_they_come(tmp_path: Path) -> None:
    """Jobs larger than the socket's buffer, sent whenever there is room, with a descriptor for every other one."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    with ours, theirs, ExitStack() as files:
        ours.setblocking(False)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        theirs.settimeout(5)
        outbox = Outbox(ours)
        frames = [HeaderJob(job, "x" * (job % 7) * 5000) for job in range(1, 30)]
        for frame in frames:
            path = tmp_path / str(frame.job)
            path.write_text(str(frame.job))
            file = files.enter_context(path.open("rb"))
            outbox.add(Parcel(frame, file.fileno() if frame.job % 2 else None))
        receiver = FrameReceiver(theirs)
        for frame in frames:
            outbox.flush()
            length, descriptor = _receive_while_flushing(receiver, outbox, theirs)
            assert length == len(encode(frame)) - 4
            assert (descriptor is not None) == bool(frame.job % 2)
            if descriptor is not None:
                with os.fdopen(descriptor) as received:
                    assert received.read() == str(frame.job)
                    assert not os.get_inheritable(received.fileno())
        assert outbox.flush()


def _receive_while_flushing(receiver: FrameReceiver, outbox: Outbox, theirs: socket.socket) -> tuple[int, int | None]:
    stop = threading.Event()

    def push() -> None:
        while not stop.is_set() and not outbox.flush():
            stop.wait(0.0005)

    pusher = threading.Thread(target=push)
    pusher.start()
    try:
        received = receiver.receive()
    finally:
        stop.set()
        pusher.join()
    assert received is not None
    return len(received[0]), received[1]


def test_what_was_not_sent_is_dropped(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    with ours, theirs, (tmp_path / "file").open("wb") as file:
        ours.setblocking(False)
        outbox = Outbox(ours)
        for job in range(1, 4):
            outbox.add(Parcel(LocateJob(job, "safetensors", bytes(1 << 20), ()), file.fileno()))
        assert not outbox.flush()
        outbox.clear()
        assert outbox.flush()


@pytest.mark.parametrize("sent", [b"\0\0", b"\0\0\0\5half"])
def test_a_stream_that_ends_inside_a_frame_is_a_violation(sent: bytes, tmp_path: Path) -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    with theirs, (tmp_path / "file").open("wb") as file:
        with ours:
            socket.send_fds(ours, [sent], [file.fileno()])
        with pytest.raises(ProtocolViolation):
            FrameReceiver(theirs).receive()


def test_a_stream_that_ends_between_frames_is_the_end() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    with theirs:
        ours.close()
        assert FrameReceiver(theirs).receive() is None
