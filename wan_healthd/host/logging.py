"""Logs for people and machines: structlog over the standard library, so that other packages' warnings come out the same way.

Importing structlog takes 70 ms: nothing else in this room does.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Sequence
from typing import TextIO

import structlog

from wan_healthd.host.journal import JOURNAL_SOCKET, SYSLOG_IDENTIFIER, JournalSocket, is_journal_stream
from wan_healthd.host.log_lines import (
    Renderer,
    fields_without_secrets,
    journal_line,
    json_line,
    terminal_line,
    without_formatter_marks,
    without_secrets,
)

OWN_LOGGER = "wan_healthd"
"""Every logger of ours is below this one; its level is the level."""

OTHERS_LEVEL = logging.WARNING


def configure(level: str, stream: TextIO, secrets: Sequence[str] = (), journal: str = JOURNAL_SOCKET) -> None:
    """Send all logs to `stream`: readable on a terminal, else as JSON lines. The journal gets fields, too.

    Args:
        level: "debug", "info", "warning", "error" or "critical", for our own logs; others' begin at warning.
        stream: stays the caller's.
        secrets: what must never be logged, whoever logs it: other packages' errors quote what they were given.
        journal: journald's socket; what it does not take goes to `stream`, with a priority prefix.

    Raises:
        ValueError: no such level.
    """
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler: _Handler = _Handler(stream)
    handler.setFormatter(_formatter(stream, secrets))
    if is_journal_stream(stream) and os.path.exists(journal):
        handler = _JournalHandler(stream, handler, JournalSocket(journal))
        handler.setFormatter(_finished_by(fields_without_secrets(secrets)))
    root = logging.getLogger()
    for previous in [item for item in root.handlers if isinstance(item, _Handler)]:
        root.removeHandler(previous)
        previous.close()
    root.addHandler(handler)
    root.setLevel(OTHERS_LEVEL)
    set_level(level)


def logger(name: str = OWN_LOGGER) -> structlog.stdlib.BoundLogger:
    """A logger of ours, for the roots of the house: others have no door to structlog."""
    return structlog.stdlib.get_logger(name)


def set_level(level: str) -> None:
    """Change the level of our own logs while running.

    Raises:
        ValueError: no such level.
    """
    logging.getLogger(OWN_LOGGER).setLevel(level.upper())


class _Handler(logging.StreamHandler[TextIO]):
    """Ours, so that configuring twice replaces it; a line that cannot be written is lost without a word."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 logging's own name
        """Nothing: stderr is what failed."""


class _JournalHandler(_Handler):
    """Native records, which keep an event's keys as fields; without a wait, and never in vain."""

    def __init__(self, stream: TextIO, otherwise: logging.Handler, journal: JournalSocket) -> None:
        super().__init__(stream)
        self._otherwise = otherwise
        self._journal = journal

    def emit(self, record: logging.LogRecord) -> None:
        """Send one record, or write a line."""
        try:
            fields: dict[str, str] = json.loads(self.format(record))
            encoded = {name: value.encode("utf-8", "backslashreplace") for name, value in fields.items()}
            self._journal.send({**encoded, "SYSLOG_IDENTIFIER": SYSLOG_IDENTIFIER.encode()})
        except OSError:
            self._otherwise.emit(record)

    def close(self) -> None:
        """Close the socket."""
        self._journal.close()
        super().close()


def _formatter(stream: TextIO, secrets: Sequence[str]) -> logging.Formatter:
    renderer: Renderer = json_line
    if is_journal_stream(stream):
        renderer = journal_line
    elif stream.isatty():
        renderer = terminal_line
    return _finished_by(without_secrets(secrets, renderer))


def _finished_by(last: Renderer) -> logging.Formatter:
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[structlog.stdlib.ExtraAdder(), without_formatter_marks],
        processors=[structlog.processors.format_exc_info, last],
    )
