"""The command line. Only the modules of commands that it names are imported, for a quick start."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from wan_healthd.cli import exits, manual
from wan_healthd.cli.commands import COMMANDS, Command, load
from wan_healthd.cli.terminal import width_of
from wan_healthd.usage.outline import words as words_of
from wan_healthd.usage.sections import Paragraphs, add_section
from wan_healthd.version import __version__

GLOBAL = "global options, before or after the command"
_STATUSES = ", ".join(f"{status} {meaning}" for status, meaning in exits.MEANINGS.items() if status <= exits.FAILED)
EPILOG = f"exit status: {_STATUSES}"


def build(words: Sequence[str]) -> argparse.ArgumentParser:
    """The parser for a command line of these words; given every command's name, the complete one."""
    parser = argparse.ArgumentParser(
        prog="healthctl",
        description=manual.DESCRIPTION,
        epilog=f"{EPILOG}\n\n`healthctl COMMAND --help` and the manual page healthctl(1) say more.",
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
            _complete(below, command)
    add_section(parser, "examples", manual.EXAMPLES)
    return parser


def _complete(below: argparse.ArgumentParser, command: Command) -> None:
    """Give the command its own arguments: the first in its usage, but for those that every command has."""
    everywhere = below.add_argument_group(GLOBAL)
    module = load(command)
    module.arguments(below)
    _fill(everywhere)
    below.set_defaults(run=module.run)
    for word in words_of(below):
        word.parser.description = word.parser.description or f"{word.summary[0].upper()}{word.summary[1:]}."
        word.parser.epilog, word.parser.allow_abbrev, word.parser.formatter_class = EPILOG, False, _Formatter


class _Formatter(Paragraphs):
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
    _fill(parser.add_argument_group(GLOBAL))


def _fill(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--socket", metavar="PATH", default=argparse.SUPPRESS, help=manual.SOCKET)
    group.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print one JSON document, for programs")
    group.add_argument("--no-color", action="store_true", default=argparse.SUPPRESS, help="never colour the output")
