"""`healthctl reload [--wait]`."""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace

from wan_healthd.cli import exits
from wan_healthd.cli.terminal import Terminal
from wan_healthd.client.daemon import Answer, Daemon
from wan_healthd.client.errors import ClientError, DaemonUnreachable

LONGEST_WAIT_S = 60.0
POLL_S = 5.0
RETRY_S = 0.1
RELOADED = "config-reloaded"


def arguments(parser: ArgumentParser) -> None:
    """Add the command's own arguments."""
    parser.description = (
        "Has the daemon read its configuration again, as SIGHUP does. One with errors is refused, and the old one stays in "
        "force: `wan-healthd --check-config` names them all. Exit status 0, or 2 if it was refused."
    )
    parser.add_argument("--wait", action="store_true", help="until the daemon works by the new configuration")


def run(options: Namespace, daemon: Daemon, terminal: Terminal) -> int:
    """Ask for it; with --wait, until the daemon has told that it did."""
    answer = daemon.reload()
    if options.wait:
        _await(answer.document.count("last_event"), daemon)
    if terminal.as_json:
        terminal.document(answer.body, answer.document.plain)
    else:
        terminal.say(f"the new configuration is {'in force' if options.wait else 'good, and soon in force'}")
    return exits.HEALTHY


def _await(last: int, daemon: Daemon) -> None:
    deadline = time.monotonic() + LONGEST_WAIT_S
    while time.monotonic() < deadline:
        answer = _look(last, daemon)
        if answer is None:
            time.sleep(RETRY_S)
            continue
        if any(event.text("kind") == RELOADED for event in answer.document.parts("events")):
            return
        last = max(last, answer.document.count("last_event"))
    raise ClientError(
        "reload-slow",
        f"cannot wait longer for the new configuration: it is not in force after {LONGEST_WAIT_S:g} s",
        "see `healthctl events`, and the daemon's log",
    )


def _look(last: int, daemon: Daemon) -> Answer | None:
    """Events after `last`; None while the daemon, which is being built anew, breaks connections off."""
    try:
        return daemon.list_events({"since": str(last)}, POLL_S)
    except DaemonUnreachable:
        return None
