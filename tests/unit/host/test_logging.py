"""Logs on a real terminal, into the journal's stream, and as JSON."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import pytest
import structlog

from tests.unit.host.test_journal import decode, journald
from wan_healthd.host.logging import configure, set_level

__all__ = ["journald"]

NASTY = "new\nline \x1b[2J \u202e \udcff"


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    root, own = logging.getLogger(), logging.getLogger("wan_healthd")
    handlers, levels = list(root.handlers), (root.level, own.level)
    yield
    root.handlers[:] = handlers
    root.setLevel(levels[0])
    own.setLevel(levels[1])
    structlog.reset_defaults()


def log_everything() -> None:
    log = structlog.stdlib.get_logger("wan_healthd.test")
    log.debug("too fine")
    log.warning("cannot read", path=f"/models/{NASTY}", empty="", words="two words")
    logging.getLogger("wan_healthd.plain").info("plain %d", 7, extra={"key": "value"})
    logging.getLogger("watchdog.observers").info("of no interest")
    logging.getLogger("watchdog.observers").warning("queue overflowed below %r", b"/models")
    try:
        int(NASTY)
    except ValueError:
        log.exception("failed")


def test_a_pipe_gets_json_lines() -> None:
    stream = io.StringIO()
    configure("info", stream)
    log_everything()
    assert stream.getvalue().isascii()
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [(line["level"], line["event"]) for line in lines] == [
        ("warning", "cannot read"),
        ("info", "plain 7"),
        ("warning", "queue overflowed below b'/models'"),
        ("error", "failed"),
    ]
    assert lines[0]["path"] == f"/models/{NASTY}"
    assert lines[0]["logger"] == "wan_healthd.test"
    assert lines[0]["time"].endswith("+00:00")
    assert lines[1]["key"] == "value"
    assert "ValueError" in lines[3]["exception"]


def test_the_journal_gets_a_priority_and_one_line_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (tmp_path / "stderr").open("w", encoding="utf-8") as stream:
        facts = os.fstat(stream.fileno())
        monkeypatch.setenv("JOURNAL_STREAM", f"{facts.st_dev}:{facts.st_ino}")
        configure("debug", stream, journal=str(tmp_path / "absent"))
        log_everything()
        configure("info", io.StringIO())
    lines = (tmp_path / "stderr").read_text("utf-8").splitlines()
    assert lines[0] == "<7>too fine"
    assert lines[1] == r'<4>cannot read path="/models/new\\nline \\x1b[2J \\u202e \\udcff" empty="" words="two words"'
    assert lines[2] == "<6>plain 7 key=value"
    assert lines[3] == "<4>queue overflowed below b'/models'"
    assert lines[4].startswith('<3>failed exception="Traceback')
    assert len(lines) == 5


@pytest.fixture
def journal_stream(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TextIO]:
    """Our stderr as systemd connects it to the journal."""
    with (tmp_path / "stderr").open("w", encoding="utf-8") as stream:
        facts = os.fstat(stream.fileno())
        monkeypatch.setenv("JOURNAL_STREAM", f"{facts.st_dev}:{facts.st_ino}")
        yield stream


def test_the_journal_gets_the_keys_as_fields(journal_stream: TextIO, journald: socket.socket) -> None:
    token = "hf_abcdefghijklmnop"
    configure("info", journal_stream, (token,), journald.getsockname())
    log = structlog.stdlib.get_logger("wan_healthd.test")
    log.warning("cannot read", path=f"/models/{NASTY}", tries=2, **{token: token})
    try:
        int("seven")
    except ValueError:
        log.exception("failed")
    configure("info", io.StringIO())
    first, second = (decode(journald.recv(65536)) for _ in range(2))
    assert first["MESSAGE"].startswith(b'cannot read path="/models/new')
    assert first["MESSAGE"].isascii()
    assert (first["PRIORITY"], first["SYSLOG_IDENTIFIER"], first["WAN_LOGGER"]) == (b"4", b"wan-healthd", b"wan_healthd.test")
    assert first["WAN_LOG_PATH"] == f"/models/{NASTY}".encode("utf-8", "backslashreplace")
    assert first["WAN_LOG_TRIES"] == b"2"
    assert token.encode() not in b"".join((*first.values(), *(name.lower().encode() for name in first)))
    assert first["CODE_FILE"] == __file__.encode()
    assert second["MESSAGE"].splitlines()[:2] == [b"failed", b"    Traceback (most recent call last):"]
    assert second["WAN_LOG_EXCEPTION"].endswith(b"invalid literal for int() with base 10: 'seven'")
    assert os.path.getsize(journal_stream.name) == 0


def test_what_the_journal_does_not_take_is_written_to_stderr(journal_stream: TextIO, journald: socket.socket) -> None:
    configure("info", journal_stream, (), journald.getsockname())
    journald.close()
    structlog.stdlib.get_logger("wan_healthd.test").warning("cannot read", tries=2)
    configure("info", io.StringIO())
    with open(journal_stream.name, encoding="utf-8") as said:
        assert said.read() == "<4>cannot read tries=2\n"


def all_that_is_there(descriptor: int) -> str:
    """What was written to a terminal so far: one read gives a page at most."""
    os.set_blocking(descriptor, False)
    shown = b""
    with contextlib.suppress(BlockingIOError):
        while True:
            shown += os.read(descriptor, 4096)
    return shown.decode()


def test_a_terminal_gets_lines_that_cannot_harm_it() -> None:
    near, far = os.openpty()
    try:
        with open(far, "w", encoding="utf-8") as stream:
            configure("info", stream)
            log_everything()
            shown = all_that_is_there(near)
            configure("info", io.StringIO())
    finally:
        os.close(near)
    lines = shown.split("\r\n")
    assert lines[0][8:].startswith(" warning  cannot read path=")
    assert lines[3].endswith("error    failed")
    assert lines[4] == "    Traceback (most recent call last):"
    assert all(line.isprintable() for line in lines)


def test_the_level_changes_while_running() -> None:
    stream = io.StringIO()
    configure("warning", stream)
    log = structlog.stdlib.get_logger("wan_healthd.test").bind(job=1)
    log.info("first")
    set_level("debug")
    log.info("second")
    set_level("error")
    log.info("third")
    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == ["second"]
    with pytest.raises(ValueError, match="LOUD"):
        set_level("loud")


@pytest.mark.parametrize("is_journal", [False, True])
def test_a_secret_is_never_logged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_journal: bool) -> None:
    token, quoted = "hf_abcdefghijklmnop", 'pass"word\\of-all'
    with (tmp_path / "stderr").open("w", encoding="utf-8") as stream:
        facts = os.fstat(stream.fileno())
        if is_journal:
            monkeypatch.setenv("JOURNAL_STREAM", f"{facts.st_dev}:{facts.st_ino}")
        configure("debug", stream, (token, quoted, "on"), str(tmp_path / "absent"))
        log = structlog.stdlib.get_logger("wan_healthd.test")
        log.info(f"sent Bearer {token}", header=f"Bearer {token}", **{token: quoted})
        logging.getLogger("aiohttp.client").warning("refused %s", {"authorization": token})
        try:
            int(token)
        except ValueError:
            log.exception("failed on")
        configure("info", io.StringIO())
    text = (tmp_path / "stderr").read_text("utf-8")
    assert len(text.splitlines()) == 3
    assert token not in text
    assert "word" not in text
    assert text.count("***") >= 5
    assert "failed on" in text


def test_configuring_twice_logs_once() -> None:
    first, second = io.StringIO(), io.StringIO()
    configure("info", first)
    configure("info", second)
    logging.getLogger("wan_healthd").warning("once")
    assert (first.getvalue(), len(second.getvalue().splitlines())) == ("", 1)


def test_a_stream_that_is_gone_harms_nobody() -> None:
    stream = io.StringIO()
    configure("info", stream)
    stream.close()
    logging.getLogger("wan_healthd").warning("nobody hears")
