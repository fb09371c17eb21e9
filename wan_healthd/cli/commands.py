"""Every command of `healthctl`, one row each: documentation, completions and the parser are made from this table.

A new command is a row here and a module of its name with `arguments` and `run`, which `CommandModule` describes.
"""

from __future__ import annotations

import importlib
from argparse import ArgumentParser, Namespace
from typing import NamedTuple, Protocol, cast

from wan_healthd.cli.terminal import Terminal
from wan_healthd.client.daemon import Daemon


class Command(NamedTuple):
    """A row; the module is imported only when the command is asked for."""

    name: str
    summary: str


class CommandModule(Protocol):
    """What the module of a command offers."""

    def arguments(self, parser: ArgumentParser) -> None:
        """Add the command's own arguments and its description."""

    def run(self, options: Namespace, daemon: Daemon, terminal: Terminal) -> int:
        """Do it and return the exit status; raises ClientError."""


COMMANDS: tuple[Command, ...] = (
    Command("status", "how all models are, or one"),
    Command("check", "check models now and print the result"),
    Command("gate", "whether a model may be loaded now"),
    Command("report", "the whole report, or what is corrupted in one model"),
    Command("files", "every file of a model, and what is damaged in it"),
    Command("events", "what happened, in order"),
    Command("jobs", "what runs, ran lately, and comes next"),
    Command("sweep", "sweeps of all roots: begin, pause, go on, see"),
    Command("generation", "have sweeps make way while a generation runs"),
    Command("alert", "what is wrong and lasts: see, acknowledge, send a test"),
    Command("trust", "accept a model's present bytes as the new truth"),
    Command("models", "the models that the daemon knows; forget one that is gone"),
    Command("top", "a live view of all models, until interrupted"),
    Command("log-level", "how much the daemon logs, from now until it ends"),
    Command("reload", "have the daemon read its configuration again"),
    Command("doctor", "whether the daemon can do its work here, and how to cure what is in the way"),
    Command("completion", "completions for your shell"),
    Command("version", "the versions of healthctl and of the daemon"),
)


def load(command: Command) -> CommandModule:
    """Import the command's module."""
    return cast(CommandModule, importlib.import_module(f"wan_healthd.cli.{command.name.replace('-', '_')}"))
