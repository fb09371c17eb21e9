"""`healthctl doctor [--network] [--verbose]`."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence

from wan_healthd.cli import exits
from wan_healthd.cli.terminal import Terminal
from wan_healthd.cli.wording import count_text
from wan_healthd.client.daemon import Daemon
from wan_healthd.client.errors import ClientError, DaemonUnreachable, Refused, SocketForbidden
from wan_healthd.usage.sections import add_section

PROBLEM, WARNING, OK = "problem", "warning", "ok"
COLOURS = {PROBLEM: "red", WARNING: "yellow", OK: "green"}
GLANCE = "  "
KEYS = ("check", "verdict", "found", "cure", "subject")

Row = dict[str, str]
"""A diagnosis by KEYS, as in the document."""


def arguments(parser: ArgumentParser) -> None:
    """Add the command's own arguments."""
    parser.description = (
        "Says whether wan-healthd can do its work on this machine and, of each thing that is in the way, how it is cured: the"
        " daemon's permissions, the kernel's limits, disks, its state, the clock, and what only you see: whether you may ask"
        " it, and if not, why. Nothing is changed. While the daemon does not run, it says how to find out why. Exit status 0"
        " if there is no problem (there may be warnings), else 1."
    )
    parser.add_argument("--network", action="store_true", help="also try whether the model hub answers, where it may be asked")
    parser.add_argument("--verbose", action="store_true", help="tell of what is fine in full, too")
    add_section(parser, "examples", (("healthctl doctor", "Something does not work: what is it, and what can be done?"),))


def run(options: Namespace, daemon: Daemon, terminal: Terminal) -> int:
    """Ask the daemon, look around here, and tell; that it does not answer is a finding, too."""
    from wan_healthd.client.surroundings import diagnose, look

    rows, version, failure = _ask(daemon, network=options.network)
    here = [dict(zip(KEYS, told, strict=True)) for told in diagnose(look(daemon.places), failure, version)]
    rows = [*here, *rows]
    if terminal.as_json:
        terminal.json_line({"schema": 1, "version": version, "diagnoses": rows})
    else:
        terminal.say_all(_lines(rows, terminal, is_verbose=options.verbose))
    return exits.UNHEALTHY if any(row["verdict"] == PROBLEM for row in rows) else exits.HEALTHY


def _ask(daemon: Daemon, *, network: bool) -> tuple[list[Row], str | None, ClientError | None]:
    """What the daemon says of itself, with its version; or why it says nothing."""
    try:
        document = daemon.doctor(network=network).document
    except (DaemonUnreachable, SocketForbidden, Refused) as error:
        return [], None, error
    rows = [{key: part.text(key) for key in KEYS} for part in document.parts("diagnoses")]
    return rows, document.text("version"), None


def _lines(rows: Sequence[Row], terminal: Terminal, *, is_verbose: bool) -> Iterator[str]:
    """What needs doing, the worst first, each with its cure; then what is fine."""
    for verdict in (PROBLEM, WARNING):
        for row in rows:
            if row["verdict"] == verdict:
                yield from _urgent(row, terminal)
    fine = [row for row in rows if row["verdict"] not in (PROBLEM, WARNING)]
    told = {row["check"] for row in rows if row not in fine}
    yield from _in_full(fine, terminal) if is_verbose else _at_a_glance(fine, told, terminal)
    counts = {verdict: sum(row["verdict"] == verdict for row in rows) for verdict in (PROBLEM, WARNING)}
    yield ", ".join(count_text(count, verdict) for verdict, count in counts.items())


def _urgent(row: Row, terminal: Terminal) -> Iterator[str]:
    yield from terminal.wrap_painted(row["verdict"], COLOURS[row["verdict"]], f"  {_name(row)}: {row['found']}", "", "  ")
    if row["cure"]:
        yield from terminal.wrap(f"-> {row['cure']}", "  ", "     ")
    yield ""


def _in_full(rows: Sequence[Row], terminal: Terminal) -> Iterator[str]:
    for row in rows:
        word = row["verdict"] if row["verdict"] == OK else "-"
        yield from terminal.wrap_painted(word, COLOURS.get(word, "grey"), f"  {_name(row)}: {row['found']}", "", "    ")


def _at_a_glance(rows: Sequence[Row], told: set[str], terminal: Terminal) -> Iterator[str]:
    """The names alone, each once; of a check that found something elsewhere (`told`) also where it found nothing."""
    for words, is_ok in (("fine", True), ("does not matter here", False)):
        names = list(
            dict.fromkeys(
                _name(row) if row["check"] in told else row["check"] for row in rows if (row["verdict"] == OK) is is_ok
            )
        )
        if names:
            yield from terminal.wrap(f"{words}: {', '.join(names)}", "", GLANCE)


def _name(row: Row) -> str:
    return f"{row['check']} {row['subject']}".strip()
