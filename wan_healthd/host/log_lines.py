"""How one log record looks: on a terminal, in the journal, as JSON. Control characters never come through."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from datetime import UTC, datetime
from typing import Any

from wan_healthd.domain.paths import printable

Renderer = Callable[[Any, str, MutableMapping[str, Any]], str]
"""A structlog processor that ends a chain. The record itself stands under `_record` (structlog.stdlib.ProcessorFormatter)."""

SYSLOG_PRIORITIES = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))
DEBUG_PRIORITY = 7
STARS = "***"
SHORTEST_SECRET = 8
FIELD_PREFIX = "WAN_LOG_"
"""Of an event's own keys in the journal, so that none passes for a field of journald's, or of an alert's."""

LONGEST_FIELD_NAME = 64
"""systemd.journal-fields(7)."""


def terminal_line(logger: Any, method: str, event: MutableMapping[str, Any]) -> str:
    """`12:34:56 warning  cannot read  path=/models/a`, a traceback below it."""
    record: logging.LogRecord = event["_record"]
    time = datetime.fromtimestamp(record.created).astimezone().strftime("%H:%M:%S")
    traceback = str(event.get("exception", "")).splitlines()
    first = f"{time} {record.levelname.lower():<8} {_message(event)}"
    return "\n".join([first, *(f"    {printable(line)}" for line in traceback)])


def journal_line(logger: Any, method: str, event: MutableMapping[str, Any]) -> str:
    """`<4>cannot read  path=/models/a`: journald takes the priority from the prefix (sd-daemon(3)) and knows the time."""
    record: logging.LogRecord = event["_record"]
    line = f"<{syslog_priority(record.levelno)}>{_message(event)}"
    exception = event.get("exception")
    return f"{line} exception={_value(exception)}" if exception else line


def json_line(logger: Any, method: str, event: MutableMapping[str, Any]) -> str:
    """One ASCII JSON object: time, level, logger, event, then the event's own keys."""
    record: logging.LogRecord = event["_record"]
    head = {
        "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
        "level": record.levelname.lower(),
        "logger": record.name,
        "event": event.get("event"),
    }
    traceback = {"exception": event["exception"]} if "exception" in event else {}
    return json.dumps({**_details(event), **traceback, **head}, default=str)


def journal_fields(logger: Any, method: str, event: MutableMapping[str, Any]) -> dict[str, str]:
    """The fields of a record in the journal: the readable line with its traceback below, and the event's own keys each."""
    record: logging.LogRecord = event["_record"]
    exception = str(event.get("exception", ""))
    own = {f"{FIELD_PREFIX}{_field_name(key)}": str(value) for key, value in _details(event).items()}
    return {
        **own,
        **({f"{FIELD_PREFIX}EXCEPTION": exception} if exception else {}),
        "MESSAGE": "\n".join([_message(event), *(f"    {printable(line)}" for line in exception.splitlines())]),
        "PRIORITY": str(syslog_priority(record.levelno)),
        "WAN_LOGGER": record.name,
        "CODE_FILE": record.pathname,
        "CODE_LINE": str(record.lineno),
        "CODE_FUNC": record.funcName or "",
    }


def without_formatter_marks(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The event without what other handlers' formatters leave on a record, where it looks like somebody's own keys."""
    return {key: value for key, value in event.items() if key not in ("message", "asctime")}


def without_secrets(secrets: Sequence[str], renderer: Renderer) -> Renderer:
    """The renderer, in whose lines stars stand for these secrets, also as they look inside a JSON text.

    One that is shorter than any token is not hidden: it would make stars of ordinary words.
    """
    hide = _hiding(secrets)
    return lambda logger, method, event: hide(renderer(logger, method, event))


def fields_without_secrets(secrets: Sequence[str]) -> Renderer:
    """As `without_secrets`, for `journal_fields`, which come as a JSON object: structlog lets nothing but text through."""
    hide = _hiding(secrets)

    def render(logger: Any, method: str, event: MutableMapping[str, Any]) -> str:
        named = {hide(key): value for key, value in event.items()}  # before a key becomes a field's name, in capitals
        return json.dumps({name: hide(value) for name, value in journal_fields(logger, method, named).items()})

    return render


def _hiding(secrets: Sequence[str]) -> Callable[[str], str]:
    hidden = [secret for secret in secrets if len(secret) >= SHORTEST_SECRET]
    forms = sorted({*hidden, *(json.dumps(secret)[1:-1] for secret in hidden)}, key=len, reverse=True)

    def hide(text: str) -> str:
        for form in forms:
            text = text.replace(form, STARS)
        return text

    return hide


def syslog_priority(level: int) -> int:
    """The syslog priority of a level of the standard library."""
    return next((priority for least, priority in SYSLOG_PRIORITIES if level >= least), DEBUG_PRIORITY)


def _field_name(key: str) -> str:
    name = "".join(char if char.isascii() and char.isalnum() else "_" for char in key).upper()
    return name[: LONGEST_FIELD_NAME - len(FIELD_PREFIX)]


def _message(event: Mapping[str, Any]) -> str:
    words = [printable(str(event.get("event", "")))]
    words += [f"{printable(key)}={_value(value)}" for key, value in _details(event).items()]
    return " ".join(words)


def _details(event: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in event.items() if not key.startswith("_") and key not in ("event", "exception")}


def _value(value: object) -> str:
    text = printable(str(value))
    return json.dumps(text, ensure_ascii=False) if not text or set(text) & set(' "=') else text
