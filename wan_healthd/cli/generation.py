"""`healthctl generation [list | start [MODEL] | renew N | end N | run [MODEL] -- COMMAND...]`."""

from __future__ import annotations

import posixpath
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from wan_healthd.cli import exits
from wan_healthd.cli.accompany import accompany
from wan_healthd.cli.parser import global_options, model_id
from wan_healthd.cli.terminal import Terminal
from wan_healthd.cli.wording import time_text
from wan_healthd.client.daemon import Answer, Daemon
from wan_healthd.client.document import Document
from wan_healthd.domain.paths import printable
from wan_healthd.usage.sections import add_section

_MOST_DIGITS = 18
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_LONGEST_S = 86_400
_LONGEST_NAME = 100
_NOTE = "for those who wonder why sweeps wait; all who may open the socket read it, so no prompt"


class _Word(ArgumentParser):
    """A word of the command. Where `takes_command`, what follows `--` is somebody else's and is not looked at."""

    takes_command = False

    def parse_known_args(self, args: Sequence[str] | None = None, namespace: Any = None) -> tuple[Any, list[str]]:  # type: ignore[override]
        """As argparse does it, but for what follows `--`."""
        words = list(args or ())
        if not self.takes_command:
            return super().parse_known_args(words, namespace)
        end = words.index("--") if "--" in words else len(words)
        options, unknown = super().parse_known_args(words[:end], namespace)
        if options.command or not words[end + 1 :]:
            self.error("write the command behind --, as in: healthctl generation run MODEL -- python3 generate.py")
        options.command = words[end + 1 :]
        return options, unknown


def arguments(parser: ArgumentParser) -> None:
    """Add the command's own arguments."""
    parser.description = (
        "Tells the daemon that a generation runs, so that sweeps make way for it ([sweep] while_generating). Without a word it "
        "shows those that it was told of. What nobody ends expires by itself, after an hour if nothing else was said.\n\n"
        "Exit status 0; that of `run` is the command's own, or 127 where there is no such command, 126 where it cannot be run, "
        "and 128 plus the number of the signal that ended it."
    )
    words = parser.add_subparsers(dest="word", metavar="WORD", parser_class=_Word)
    words.add_parser("list", help="those for which sweeps make way")
    start = words.add_parser("start", help="one begins: sweeps make way until it ends or expires")
    start.add_argument("model", nargs="?", type=model_id, metavar="MODEL", help="the model that generates")
    start.add_argument("--note", default="", metavar="TEXT", help=_NOTE)
    renew = words.add_parser("renew", help="one goes on, and expires later")
    _numbered(renew)
    for word in (start, renew):
        word.add_argument(
            "--for",
            dest="lifetime_s",
            type=lifetime_s,
            metavar="TIME",
            help="when it expires: 90s, 15m, 1h (the default) ... 1d",
        )
    _numbered(words.add_parser("end", help="one is over; to say so twice does no harm"))
    run = words.add_parser("run", help="run a command, and have sweeps make way while it runs")
    run.takes_command = True
    run.description = (
        "Runs the command, with sweeps making way until it ends. It runs in any case: where the daemon cannot be told, that is "
        "one line on standard error. It has the terminal, standard input and output, and gets the signals that healthctl gets."
    )
    run.add_argument("model", nargs="?", type=model_id, metavar="MODEL", help="the model that generates")
    run.add_argument("command", nargs="*", metavar="-- COMMAND", help="the command and its arguments, behind --")
    run.add_argument("--note", default="", metavar="TEXT", help=f"{_NOTE} (default: the command's name)")
    for word in words.choices.values():
        global_options(word)
    add_section(
        parser,
        "examples",
        (
            ("healthctl generation run Wan-AI/Wan2.2-TI2V-5B -- python3 generate.py", "Leave the disks to this program."),
            ("healthctl generation start --for 8h --note rendering", "Leave them to others until the morning."),
        ),
    )


def _numbered(word: ArgumentParser) -> None:
    word.add_argument("number", type=_number, metavar="N", help="the generation's number, as `start` and `list` show it")


def run(options: Namespace, daemon: Daemon, terminal: Terminal) -> int:
    """Do it."""
    match options.word:
        case "start":
            fields = {"model": options.model, "note": options.note, "expires_in_seconds": options.lifetime_s}
            return _show(daemon.start_generation(fields), _announced, terminal)
        case "renew":
            return _show(daemon.renew_generation(options.number, options.lifetime_s or _UNITS["h"]), _announced, terminal)
        case "end":
            return _show(daemon.end_generation(options.number), _ended, terminal)
        case "run":
            name = printable(posixpath.basename(options.command[0]))[:_LONGEST_NAME]
            note = options.note or name  # never the arguments, which may hold a prompt
            return accompany(options.command, options.model, note, daemon, terminal)
        case _:
            return _show(daemon.list_generations(), _listed, terminal)


def _show(answer: Answer, lines: Callable[[Document, Terminal], Iterator[str]], terminal: Terminal) -> int:
    if terminal.as_json:
        terminal.document(answer.body, answer.document.plain)
    else:
        terminal.say_all(lines(answer.document, terminal))
    return exits.HEALTHY


def _announced(answer: Document, terminal: Terminal) -> Iterator[str]:
    generation = answer.part("generation")
    number, until = generation.count("id"), time_text(generation.moment("expires_at"))
    yield from terminal.wrap(
        f"generation {number} is announced until {until}; `healthctl generation end {number}` when it is over", "", "  "
    )


def _ended(answer: Document, _terminal: Terminal) -> Iterator[str]:
    number = answer.part("generation").count("id")
    yield f"generation {number} has ended" if answer.flag("was_open") else f"generation {number} had ended or expired before"


def _listed(answer: Document, terminal: Terminal) -> Iterator[str]:
    rows = answer.parts("generations")
    for row in rows:
        yield from terminal.wrap(f"{row.count('id')}  {_who_and_what(row)}", "", "    ")
        expected = row.moment_or_none("expected_at")
        end = "" if expected is None else f", should end {time_text(expected)}"
        expires = time_text(row.moment("expires_at"))
        since = f"since {time_text(row.moment('began_at'))} by process {row.count('pid')}{end}, expires {expires}"
        yield from terminal.wrap(since, "    ", "    ")
    if not rows:
        yield "no generation is announced"


def _who_and_what(row: Document) -> str:
    """As `status` tells what sweeps wait for."""
    what = ", ".join(filter(None, (row.text_or_none("model_id"), row.text("note"))))
    return f"uid {row.count('uid')}: {what}" if what else f"uid {row.count('uid')}"


def lifetime_s(text: str) -> int:
    """A time like 90s, 15m, 1h or 1d in seconds, for argparse."""
    amount, unit = text[:-1], text[-1:]
    if unit in _UNITS and amount.isascii() and amount.isdigit() and len(amount) <= _MOST_DIGITS:
        seconds = int(amount) * _UNITS[unit]
        if 0 < seconds <= _LONGEST_S:
            return seconds
    raise ArgumentTypeError("it should be a time like 90s, 15m or 1h, at most 1d")


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
        raise ArgumentTypeError(f"{text!r} is not the number of a generation")
    return int(text)
