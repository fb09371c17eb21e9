"""Records for people: native ones to journald, or lines on stderr where there is no journal.

Written here, since the packages for it derive MESSAGE_ID from the record's content, so that no catalogue entry can match.
Protocol: systemd's docs/JOURNAL_NATIVE_PROTOCOL.md.
"""

from __future__ import annotations

import base64
import contextlib
import errno
import fcntl
import os
import socket
import sys
from typing import TextIO

import msgspec

from wan_healthd.domain.alerts import Alert
from wan_healthd.domain.paths import printable
from wan_healthd.domain.ports import AlertSink

JOURNAL_SOCKET = "/run/systemd/journal/socket"
SYSLOG_IDENTIFIER = "wan-healthd"
SEND_BUFFER_BYTES = 8 << 20
"""As systemd's own senders ask for; the kernel grants what net.core.wmem_max allows."""

TOO_LARGE = frozenset({errno.EMSGSIZE, errno.ENOBUFS})
SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE

Fields = dict[str, bytes]
JOURNAL_FIELDS = frozenset(
    f"WAN_{name}" for name in ("EVENT", "ALERT", "MODEL", "COUNT", "TEST", "FILE", "FINDING", "SEVERITY", "CAUSE", "REPAIR")
)
"""The fields of our own that a record may have."""


def alert_fields(alert: Alert) -> Fields:
    """The journal fields of an alert (contract: journald); what is empty is left out. WAN_FILE is the path's exact bytes."""
    finding = alert.finding
    fields: dict[str, str | None] = {
        "MESSAGE": printable(alert.message),
        "PRIORITY": str(alert.kind.alert_class.priority),
        "MESSAGE_ID": alert.kind.message_id,
        "SYSLOG_IDENTIFIER": SYSLOG_IDENTIFIER,
        "WAN_EVENT": alert.kind.name,
        "WAN_ALERT": alert.kind.alert_class,
        "WAN_MODEL": alert.model_id,
        "WAN_COUNT": str(alert.count) if alert.count > 1 else None,
        "WAN_TEST": "1" if alert.is_test else None,
    }
    if finding is not None:
        fields |= {
            "WAN_FILE": finding.path,
            "WAN_FINDING": finding.code,
            "WAN_SEVERITY": finding.severity,
            "WAN_CAUSE": finding.cause,
            "WAN_REPAIR": finding.suggestion,
        }
    encoded = {name: value.encode("utf-8", "backslashreplace") for name, value in fields.items() if value}
    if finding is not None and isinstance(finding.path_b64, str):
        encoded["WAN_FILE"] = base64.b64decode(finding.path_b64)
    return encoded


def encode_record(fields: Fields) -> bytes:
    """The fields as one datagram: NAME=value lines; a value that holds a newline goes with its length instead."""
    record = bytearray()
    for name, value in fields.items():
        if b"\n" in value:
            record += name.encode() + b"\n" + len(value).to_bytes(8, "little") + value + b"\n"
        else:
            record += name.encode() + b"=" + value + b"\n"
    return bytes(record)


class StderrSink:
    """The `AlertSink` port for a terminal (one readable line) or a pipe (one JSON object a line, named as in the journal)."""

    def __init__(self, stream: TextIO, *, as_text: bool) -> None:
        self._stream = stream
        self._as_text = as_text

    def emit(self, alert: Alert) -> None:
        """Write one line; a stream that is closed or full loses it."""
        if self._as_text:
            line = f"{alert.kind.alert_class.upper()}: {printable(alert.message)}"
        else:
            fields = {name: value.decode("utf-8", "replace") for name, value in alert_fields(alert).items()}
            line = msgspec.json.encode(fields).decode("utf-8")
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(line + "\n")
            self._stream.flush()


class JournalSocket:
    """The way to journald; never waits."""

    def __init__(self, path: str = JOURNAL_SOCKET) -> None:
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)

    def send(self, fields: Fields) -> None:
        """Send one record.

        Raises:
            OSError: the journal is not there, or does not take it at once.
        """
        record = encode_record(fields)
        try:
            self._socket.sendto(record, self._path)
        except OSError as error:
            if error.errno not in TOO_LARGE:
                raise
            self._send_in_memory_file(record)

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def _send_in_memory_file(self, record: bytes) -> None:
        """Journald takes a record of any size as a memory file, sealed so that nobody can change it while it reads."""
        descriptor = os.memfd_create("wan-healthd-record", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        with open(descriptor, "r+b", buffering=0) as file:
            file.write(record)
            fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, SEALS)
            rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, descriptor.to_bytes(4, sys.byteorder))
            self._socket.sendmsg([b""], [rights], 0, self._path)


class JournalSink:
    """The `AlertSink` port over journald's socket: what the journal does not take at once goes to `otherwise`."""

    def __init__(self, otherwise: AlertSink, path: str = JOURNAL_SOCKET) -> None:
        self._otherwise = otherwise
        self._journal = JournalSocket(path)

    def emit(self, alert: Alert) -> None:
        """Send one record."""
        try:
            self._journal.send(alert_fields(alert))
        except OSError:
            self._otherwise.emit(alert)

    def close(self) -> None:
        """Close the socket."""
        self._journal.close()


def is_journal_stream(stream: TextIO) -> bool:
    """Whether what is written to `stream` ends in the journal (systemd.exec(5), JOURNAL_STREAM)."""
    try:
        facts = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{facts.st_dev}:{facts.st_ino}"


def sink_from_environment(stream: TextIO | None = None, path: str = JOURNAL_SOCKET) -> JournalSink | StderrSink:
    """The journal if stderr is connected to it, else stderr itself: text on a terminal, JSON lines otherwise."""
    stderr = sys.stderr if stream is None else stream
    in_journal = is_journal_stream(stderr) and os.path.exists(path)
    lines = StderrSink(stderr, as_text=in_journal or stderr.isatty())
    return JournalSink(lines, path) if in_journal else lines
