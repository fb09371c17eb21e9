"""`healthctl top`."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from wan_healthd.cli import status
from wan_healthd.cli.terminal import Terminal
from wan_healthd.client.daemon import Daemon


def arguments(parser: ArgumentParser) -> None:
    """Add the command's own arguments."""
    parser.description = (
        f"Shows all models live, anew every {status.WATCH_S:g} seconds, until Ctrl-C: as `healthctl status --watch`. Exit "
        "status 130 then."
    )
    parser.set_defaults(model=None)


def run(options: Namespace, daemon: Daemon, terminal: Terminal) -> int:
    """Watch."""
    return status.watch(options.model, daemon, terminal)
