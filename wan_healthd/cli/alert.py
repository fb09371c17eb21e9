"""`healthctl alert [list [--all] | ack N… | test [--kind KIND]]`."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Iterator

from wan_healthd.cli import exits
from wan_healthd.cli.parser import global_options
from wan_healthd.cli.terminal import Terminal
from wan_healthd.cli.wording import count_text, time_text
from wan_healthd.client.daemon import Daemon
from wan_healthd.client.document import Document
from wan_healthd.usage.sections import add_section

_MOST_DIGITS = 18


def arguments(parser: ArgumentParser) -> None:
    """Add the command's own arguments."""
    parser.description = (
        "Alerts last until what they tell of is over, and people are reminded of them ever more rarely. Without a word it "
        "shows those that are open. Exit status 0."
    )
    words = parser.add_subparsers(dest="word", metavar="WORD")
    listing = words.add_parser("list", help="those that are open, the gravest first")
    listing.add_argument("--all", action="store_true", help="also those that ended")
    ack = words.add_parser("ack", help="you know of it: no reminders until it gets worse, or ends and returns")
    ack.add_argument("numbers", nargs="+", type=_number, metavar="N", help="as `healthctl alert` shows it")
    test = words.add_parser("test", help="send a test of each class to where alerts go")
    test.add_argument("--kind", metavar="KIND", help="a test of this kind instead, such as corruption-found")
    for word in words.choices.values():
        global_options(word)
    add_section(parser, "examples", (("healthctl alert test", "Do alerts reach whom they should reach?"),))


def run(options: Namespace, daemon: Daemon, terminal: Terminal) -> int:
    """Do it, and show what came of it."""
    match options.word:
        case "ack":
            return _acknowledge(options.numbers, daemon, terminal)
        case "test":
            return _test(options.kind, daemon, terminal)
        case _:
            return _list(daemon, terminal, also_ended=options.word == "list" and options.all)


def summary_line(open_count: int, acknowledged: int) -> str:
    """How many are open: "alerts open: 3 (1 acknowledged); see `healthctl alert`"."""
    known = f" ({acknowledged} acknowledged)" if acknowledged else ""
    return f"alerts open: {open_count}{known}; see `healthctl alert`"


def _list(daemon: Daemon, terminal: Terminal, *, also_ended: bool) -> int:
    answer = daemon.list_alerts()
    if terminal.as_json:
        terminal.document(answer.body, answer.document.plain)
        return exits.HEALTHY
    rows = answer.document.parts("alerts")
    still = [row for row in rows if row.moment_or_none("cleared_at") is None]
    terminal.say_all(line for row in (rows if also_ended else still) for line in _lines(row, terminal))
    if not still:
        terminal.say("no alert is open")
    return exits.HEALTHY


def _lines(row: Document, terminal: Terminal) -> Iterator[str]:
    model = row.text_or_none("model_id")
    subject = "" if model is None else f"{model}: "
    told = f"{row.count('id')}  {row.text('alert_class')}  {row.text('kind')}  {subject}{row.text('message')}"
    yield from terminal.wrap(told, "", "    ")
    yield from terminal.wrap(f"since {time_text(row.moment('opened_at'))}, {_state(row)}", "    ", "    ")
    suggestion = row.text_or_none("suggestion")
    if suggestion and row.moment_or_none("cleared_at") is None:
        yield from terminal.wrap(f"-> {suggestion}", "    ", "       ")


def _state(row: Document) -> str:
    cleared, acked, reminder = (row.moment_or_none(key) for key in ("cleared_at", "acked_at", "next_reminder_at"))
    if cleared is not None:
        return f"ended {time_text(cleared)}"
    if acked is not None:
        return f"acknowledged {time_text(acked)} by uid {row.count_or_none('acked_by')}"
    if row.flag("folded"):
        return "not told: something that explains it is open"
    if row.moment_or_none("told_at") is None:
        return "not told yet"
    return "told" if reminder is None else f"told, next reminder {time_text(reminder)}"


def _acknowledge(numbers: list[int], daemon: Daemon, terminal: Terminal) -> int:
    alerts = [daemon.acknowledge_alert(number).document.part("alert") for number in numbers]
    if terminal.as_json:
        terminal.json_line({"schema": 1, "alerts": [alert.plain for alert in alerts]})
    else:
        terminal.say_all(line for alert in alerts for line in _lines(alert, terminal))
    return exits.HEALTHY


def _test(kind: str | None, daemon: Daemon, terminal: Terminal) -> int:
    answer = daemon.test_alerts(kind)
    if terminal.as_json:
        terminal.document(answer.body, answer.document.plain)
    else:
        tested = answer.document.texts("tested")
        where = "find them with `journalctl -u wan-healthd WAN_TEST=1`"
        told = f"{count_text(len(tested), 'test')} sent ({', '.join(tested)}); {where}"
        terminal.say_all(terminal.wrap(told, "", "  "))
    return exits.HEALTHY


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
        raise ArgumentTypeError(f"{text!r} is not the number of an alert")
    return int(text)
