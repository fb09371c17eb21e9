"""Entry point of `healthctl`."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from wan_healthd.cli import exits
from wan_healthd.cli.parser import build
from wan_healthd.cli.terminal import Terminal
from wan_healthd.client.daemon import Daemon
from wan_healthd.client.discovery import places
from wan_healthd.client.errors import ClientError
from wan_healthd.version import __version__


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; `argv` without the program's name. Returns the exit status, see `exits`."""
    words = sys.argv[1:] if argv is None else argv
    if sys.stdout is None:  # closed by whoever started us; the exit status still tells
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 # for as long as the process lives
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 # likewise
    try:
        status = _run(words)
        sys.stdout.flush()
    except BrokenPipeError:
        _stop_output()
        return exits.BROKEN_PIPE
    except OSError as error:
        _stop_output()
        print(f"healthctl: cannot write the output: {error.strerror or error}", file=sys.stderr)
        return exits.FAILED
    except KeyboardInterrupt:
        return exits.INTERRUPTED
    return status


def _run(words: Sequence[str]) -> int:
    try:
        options = build(words).parse_args(words)
    except SystemExit as stop:  # argparse has said why
        return int(stop.code or 0)
    terminal = Terminal(sys.stdout, sys.stderr, os.environ, as_json=options.json, no_color=options.no_color)

    def greet(version: str) -> None:
        if version != __version__:
            terminal.warn(f"warning: the daemon is wan-healthd {version}, healthctl is {__version__}; restart the older one")

    daemon = Daemon(places(options.socket, os.environ, os.getuid()), greet)
    try:
        return int(options.run(options, daemon, terminal))
    except ClientError as error:
        terminal.complain(error)
        if terminal.as_json:
            terminal.json_line({"schema": 1, "error": error.plain()})
        return exits.exit_of(error.code)


def _stop_output() -> None:
    """Let what is still buffered go nowhere, so that the interpreter does not complain at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
