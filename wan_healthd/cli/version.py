"""`healthctl version`."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from wan_healthd.cli import exits
from wan_healthd.cli.terminal import Terminal
from wan_healthd.client.daemon import Daemon
from wan_healthd.version import __version__


def arguments(parser: ArgumentParser) -> None:
    """Add the command's own arguments."""
    parser.description = "Shows the versions of healthctl and of the daemon. Exit status 3 if the daemon cannot be reached."


def run(_options: Namespace, daemon: Daemon, terminal: Terminal) -> int:
    """Show them; healthctl's own first, which needs no daemon."""
    if not terminal.as_json:
        terminal.say(f"healthctl {__version__}")
    answer = daemon.version()
    if terminal.as_json:
        terminal.document(answer.body, answer.document.plain)
    else:
        terminal.say(f"wan-healthd {answer.document.text('version')} (process {answer.document.count('pid')})")
    return exits.HEALTHY
