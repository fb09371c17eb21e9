"""`healthctl events [--follow] [--since N|TIME]`."""

from __future__ import annotations

import argparse
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from wan_healthd.cli import exits
from wan_healthd.cli.terminal import Terminal
from wan_healthd.cli.wording import time_text
from wan_healthd.client.daemon import Answer, Daemon
from wan_healthd.client.document import Document
from wan_healthd.client.errors import AnswerNotUnderstood, DaemonUnreachable
from wan_healthd.usage.sections import add_section

PAGE = 1000
WAIT_S = 30.0
LATEST = 10
"""Numbers before the newest event from which --follow begins."""

RETRY_S, GIVE_UP_AFTER = 1.0, 60
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_MOST_DIGITS = 18
_HANGING = 8


def arguments(parser: ArgumentParser) -> None:
    """Add the command's own arguments."""
    parser.description = (
        "Shows findings, changes of status and the daemon's own events in order, each with its number. Exit status 0. With "
        "--json one document with all of them; with --follow --json one event a line."
    )
    parser.add_argument("--follow", action="store_true", help=f"go on until interrupted; begins with the last {LATEST}")
    parser.add_argument(
        "--since",
        type=since,
        metavar="N|TIME",
        help="only events after this number, or after this time (2026-01-31T12:00:00Z; 90s, 15m, 12h or 7d ago)",
    )
    add_section(
        parser,
        "examples",
        (
            ("healthctl events --since 12h", "What happened in the last twelve hours?"),
            ("healthctl events --follow --json | grep finding", "What is found from now on, one JSON object a line."),
        ),
    )


def run(options: Namespace, daemon: Daemon, terminal: Terminal) -> int:
    """Show them."""
    query: dict[str, str] = options.since or {}
    if options.follow:
        _follow(query or {"since": str(max(0, daemon.status().document.count("last_event") - LATEST))}, daemon, terminal)
    elif terminal.as_json:
        terminal.json_line(_merged(list(pages(query, daemon))))
    else:
        for number, page in enumerate(pages(query, daemon)):
            if number == 0:
                _say_what_is_gone(query, page.document, terminal)
            _show(page.document, terminal)
    return exits.HEALTHY


def _say_what_is_gone(query: dict[str, str], page: Document, terminal: Terminal) -> None:
    """Whoever asks for events by number learns that some of them were rolled up; older daemons do not say so."""
    first = page.plain.get("first_event")
    if "since" in query and isinstance(first, int) and first > int(query["since"]) + 1:
        terminal.warn(f"healthctl: events before number {first} are kept as counts only")


def since(text: str) -> dict[str, str]:
    """A number, a time or an age as the fields of the query, for argparse."""
    if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS:
        return {"since": text}
    amount, unit = text[:-1], text[-1:]
    if unit in _UNITS and amount.isascii() and amount.isdigit():
        return _at(lambda: datetime.now(UTC) - timedelta(seconds=int(amount[:_MOST_DIGITS]) * _UNITS[unit]))
    return _at(lambda: datetime.fromisoformat(text).astimezone(UTC))


def _at(moment: Callable[[], datetime]) -> dict[str, str]:
    try:
        return {"since_time": moment().isoformat().replace("+00:00", "Z")}
    except (ValueError, OverflowError, OSError):
        raise argparse.ArgumentTypeError(
            "it should be a number, a time like 2026-01-31T12:00:00Z, or an age like 12h"
        ) from None


def pages(query: dict[str, str], daemon: Daemon) -> Iterator[Answer]:
    """Answers from `query` on until there are no more events; the first one comes even if it is empty."""
    while True:
        page = daemon.list_events({**query, "limit": str(PAGE)})
        yield page
        if not page.document.parts("events"):
            return
        query = {"since": str(_advance(query, page.document))}


def _advance(query: dict[str, str], page: Document) -> int:
    """The number to go on from. It must rise, or we would ask for ever."""
    last = page.count("last_event")
    if page.parts("events") and last <= int(query.get("since", -1)):
        raise AnswerNotUnderstood("last_event does not rise")
    return last


def _merged(answers: list[Answer]) -> dict[str, Any]:
    last = answers[-1].document if len(answers) == 1 else answers[-2].document
    events = [event.plain for answer in answers for event in answer.document.parts("events")]
    return {**last.plain, "events": events}


def _follow(query: dict[str, str], daemon: Daemon, terminal: Terminal) -> None:
    stream = ""
    while True:
        page = _patiently({**query, "limit": str(PAGE)}, daemon, terminal).document
        if stream and page.text("stream") != stream:
            terminal.warn("healthctl: the daemon has begun a new history")
            query = {"since": "0"}
        else:
            _show(page, terminal)
            terminal.flush()
            query = _next(query, page)
        stream = page.text("stream")


def _next(query: dict[str, str], page: Document) -> dict[str, str]:
    if page.parts("events"):
        return {"since": str(_advance(query, page))}
    time.sleep(RETRY_S)  # the daemon has waited already, unless it is about to stop
    return query


def _patiently(query: dict[str, str], daemon: Daemon, terminal: Terminal) -> Answer:
    """The next page; a daemon that is being restarted is waited for, since by its numbers no event is missed."""
    for attempt in range(GIVE_UP_AFTER):
        try:
            return daemon.list_events(query, WAIT_S)
        except DaemonUnreachable as error:
            if attempt == 0:
                terminal.warn(f"{error.message}; waiting for it")
            time.sleep(RETRY_S)
    return daemon.list_events(query, WAIT_S)


def _show(page: Document, terminal: Terminal) -> None:
    for event in page.parts("events"):
        if terminal.as_json:
            terminal.json_line(event.plain)
        else:
            terminal.say_all(_lines(event, terminal))


def _lines(event: Document, terminal: Terminal) -> list[str]:
    message, model = event.text("message"), event.text_or_none("model_id")
    about = f"{model}: " if model and model not in message else ""
    head = f"{event.count('seq'):>6}  {time_text(event.moment('at'))}  {event.text('kind'):<16}  "
    return terminal.wrap(f"{about}{message}", head, " " * _HANGING)
