"""`healthctl log-level LEVEL`."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from wan_healthd.cli import exits
from wan_healthd.cli.terminal import Terminal
from wan_healthd.client.daemon import Daemon

LEVELS = ("debug", "info", "warning", "error")


def arguments(parser: ArgumentParser) -> None:
    """Add the command's own arguments."""
    parser.description = (
        "Sets the level of the daemon's own log, until it ends; the next start begins with its --log-level again. Alerts do "
        "not depend on it. Exit status 0."
    )
    parser.add_argument("level", choices=LEVELS, metavar="LEVEL", help=", ".join(LEVELS))


def run(options: Namespace, daemon: Daemon, terminal: Terminal) -> int:
    """Set it."""
    answer = daemon.set_log_level(options.level)
    if terminal.as_json:
        terminal.document(answer.body, answer.document.plain)
    else:
        terminal.say(f"the daemon logs from level {answer.document.text('level')} on, until it ends")
    return exits.HEALTHY
