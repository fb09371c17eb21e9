"""Alerts as real datagrams, decoded as journald does, and as lines."""

from __future__ import annotations

import array
import fcntl
import io
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.alert_sink import FakeAlertSink
from wan_healthd.domain.alerts import CORRUPTION_FOUND, DAEMON_STARTED, Alert
from wan_healthd.domain.catalogue import CHECKSUM_MISMATCH
from wan_healthd.domain.findings import Cause
from wan_healthd.host.journal import SEALS, JournalSink, StderrSink, is_journal_stream, sink_from_environment

STARTED = Alert(DAEMON_STARTED, "wan-healthd started")


def corruption(path: bytes, cure: str = "fetch it again") -> Alert:
    finding = CHECKSUM_MISMATCH.at(path, cause=Cause.DISK, authority="baseline", what="block 7", why="disk", cure=cure)
    return Alert(CORRUPTION_FOUND, finding.message, model_id="org/model", finding=finding)


def decode(record: bytes) -> dict[str, bytes]:
    """A record of the native protocol, as journald reads it."""
    fields: dict[str, bytes] = {}
    while record:
        line, _, rest = record.partition(b"\n")
        if b"=" in line:
            name, _, value = line.partition(b"=")
        else:
            name, length = line, int.from_bytes(rest[:8], "little")
            value, rest = rest[8 : 8 + length], rest[8 + length :]
            assert rest[:1] == b"\n"
            rest = rest[1:]
        fields[name.decode()] = value
        record = rest
    return fields


@pytest.fixture
def journald(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "journal"))
        listening.settimeout(2)
        yield listening


@pytest.fixture
def otherwise() -> FakeAlertSink:
    return FakeAlertSink()


@pytest.fixture
def sink(journald: socket.socket, otherwise: FakeAlertSink) -> Iterator[JournalSink]:
    made = JournalSink(otherwise, journald.getsockname())
    yield made
    made.close()


def test_a_corruption_has_every_field(sink: JournalSink, journald: socket.socket) -> None:
    alert = corruption(b"/models/a/model.safetensors")
    sink.emit(alert)
    assert decode(journald.recv(65536)) == {
        "MESSAGE": alert.message.encode(),
        "PRIORITY": b"2",
        "MESSAGE_ID": CORRUPTION_FOUND.message_id.encode(),
        "SYSLOG_IDENTIFIER": b"wan-healthd",
        "WAN_EVENT": b"corruption-found",
        "WAN_ALERT": b"critical",
        "WAN_MODEL": b"org/model",
        "WAN_FILE": b"/models/a/model.safetensors",
        "WAN_FINDING": b"checksum-mismatch",
        "WAN_SEVERITY": b"high",
        "WAN_CAUSE": b"disk",
        "WAN_REPAIR": b"fetch it again",
    }


def test_what_is_empty_is_left_out(sink: JournalSink, journald: socket.socket) -> None:
    sink.emit(STARTED)
    fields = decode(journald.recv(65536))
    assert set(fields) == {"MESSAGE", "PRIORITY", "MESSAGE_ID", "SYSLOG_IDENTIFIER", "WAN_EVENT", "WAN_ALERT"}
    assert fields["PRIORITY"] == b"5"


@pytest.mark.parametrize("path", [b"/models/new\nline=\n\nPRIORITY=7", b"/models/\xff\xfe", "/models/模型".encode()])
def test_a_path_arrives_byte_by_byte(sink: JournalSink, journald: socket.socket, path: bytes) -> None:
    sink.emit(corruption(path))
    fields = decode(journald.recv(65536))
    assert fields["WAN_FILE"] == path
    assert fields["PRIORITY"] == b"2"
    assert b"\n" not in fields["MESSAGE"]


def test_a_record_beyond_a_datagram_comes_as_a_sealed_file(sink: JournalSink, journald: socket.socket) -> None:
    cure = "x" * (20 << 20)  # beyond twice the send buffer that is asked for
    sink.emit(corruption(b"/models/a", cure))
    data, rights, _, _ = journald.recvmsg(65536, socket.CMSG_SPACE(4))
    assert data == b""
    descriptor = array.array("i", rights[0][2])[0]
    try:
        assert fcntl.fcntl(descriptor, fcntl.F_GET_SEALS) == SEALS
        with open(descriptor, "rb", closefd=False) as file:
            file.seek(0)
            assert decode(file.read())["WAN_REPAIR"] == cure.encode()
    finally:
        os.close(descriptor)


def test_a_full_or_absent_journal_never_blocks(sink: JournalSink, journald: socket.socket, otherwise: FakeAlertSink) -> None:
    for _ in range(2000):
        sink.emit(STARTED)
    lost = len(otherwise.alerts)
    assert lost > 0
    journald.close()
    sink.emit(STARTED)
    assert len(otherwise.alerts) == lost + 1


def test_a_terminal_gets_one_readable_line() -> None:
    stream = io.StringIO()
    StderrSink(stream, as_text=True).emit(Alert(DAEMON_STARTED, "a\nb\x1b[2J"))
    assert stream.getvalue() == "MAINTENANCE: a\\nb\\x1b[2J\n"


def test_a_pipe_gets_the_same_record_as_json() -> None:
    stream = io.StringIO()
    StderrSink(stream, as_text=False).emit(corruption(b"/models/new\nline\xff"))
    line = stream.getvalue()
    assert line.count("\n") == 1
    fields = json.loads(line)
    assert fields["WAN_FILE"] == "/models/new\nline\ufffd"
    assert (fields["PRIORITY"], fields["MESSAGE_ID"]) == ("2", CORRUPTION_FOUND.message_id)


def test_a_closed_stream_harms_nobody() -> None:
    stream = io.StringIO()
    stream.close()
    StderrSink(stream, as_text=True).emit(STARTED)


def test_the_journal_is_chosen_only_if_stderr_ends_there(
    journald: socket.socket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (tmp_path / "stderr").open("w") as stderr:
        facts = os.fstat(stderr.fileno())
        monkeypatch.setenv("JOURNAL_STREAM", f"{facts.st_dev}:{facts.st_ino}")
        assert is_journal_stream(stderr)
        chosen = sink_from_environment(stderr, journald.getsockname())
        assert isinstance(chosen, JournalSink)
        chosen.close()
        assert isinstance(sink_from_environment(stderr, str(tmp_path / "no-journal")), StderrSink)
        monkeypatch.setenv("JOURNAL_STREAM", f"{facts.st_dev}:{facts.st_ino + 1}")
        assert isinstance(sink_from_environment(stderr, journald.getsockname()), StderrSink)
    assert not is_journal_stream(io.StringIO())
