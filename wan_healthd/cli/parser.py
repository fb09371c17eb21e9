"""The command line. Only the modules of commands that it names are imported, for a quick start."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from wan_healthd.cli.commands import COMMANDS, load
from wan_healthd.cli.terminal import width_of
from wan_healthd.version import __version__

EPILOG = """exit status: 0 done and healthy, 1 something is unhealthy or unknown, 2 usage, 3 the daemon cannot be reached,
4 not permitted, 5 no such model, file or job, 6 failed"""


def build(words: Sequence[str]) -> argparse.ArgumentParser:
    """The parser for a command line of these words; given every command's name, the complete one."""
    parser = argparse.ArgumentParser(
        prog="healthctl",
        description="Shows and steers wan-healthd, which watches WAN2.2 model files.",
        epilog=EPILOG,
        allow_abbrev=False,
        formatter_class=_Formatter,
    )
    parser.set_defaults(socket=None, json=False, no_color=False)
    parser.add_argument("--version", action="version", version=f"healthctl {__version__}")
    global_options(parser)
    commands = parser.add_subparsers(title="commands", dest="command", metavar="COMMAND", required=True)
    for command in COMMANDS:
        below = commands.add_parser(
            command.name, help=command.summary, epilog=EPILOG, allow_abbrev=False, formatter_class=_Formatter
        )
        if command.name in words:
            global_options(below)
            module = load(command)
            module.arguments(below)
            below.set_defaults(run=module.run)
    return parser


class _Formatter(argparse.HelpFormatter):
    """Knows its width: argparse makes a formatter for each argument, and would import shutil, and all compressors, to ask."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=(width_of(sys.stdout, os.environ) or 80) - 2)


def model_id(text: str) -> str:
    """A model's id, for argparse."""
    if not text:
        raise argparse.ArgumentTypeError("a model's id cannot be empty")
    return text


def global_options(parser: argparse.ArgumentParser) -> None:
    """Options before or after the command, or its word; suppressed defaults keep a later place from undoing the first."""
    group = parser.add_argument_group("global options, before or after the command")
    group.add_argument("--socket", metavar="PATH", default=argparse.SUPPRESS, help="the daemon's control socket")
    group.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print the API's JSON document")
    group.add_argument("--no-color", action="store_true", default=argparse.SUPPRESS, help="never colour the output")
