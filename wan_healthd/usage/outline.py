"""What a parser's page says, read back from the parser, for manual pages and completions."""

from __future__ import annotations

import argparse
from collections.abc import Collection, Iterator
from typing import NamedTuple

from wan_healthd.usage.sections import Entry, Shown


class Section(NamedTuple):
    """A group of arguments, or what `add_section` added."""

    title: str
    entries: tuple[Entry, ...]


class Word(NamedTuple):
    """A command of a program, or a word of a command."""

    name: str
    summary: str
    parser: argparse.ArgumentParser


def arguments(parser: argparse.ArgumentParser, known: Collection[str] = ()) -> Iterator[Entry]:
    """Its arguments and options, but for `--help`, its words and those whose destination is `known`."""
    for action in _told(parser, known):
        yield Entry(_written(action), (action.help or "") % {**vars(action), "prog": parser.prog})


def sections(parser: argparse.ArgumentParser) -> Iterator[Section]:
    """What `add_section` added, in its order."""
    for group in parser._action_groups:
        entries = tuple(action.entry for action in group._group_actions if isinstance(action, Shown))
        if entries:
            yield Section(group.title or "", entries)


def words(parser: argparse.ArgumentParser) -> Iterator[Word]:
    """Its commands, or its words, in their order."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for choice in action._choices_actions:
                yield Word(choice.dest, choice.help or "", action.choices[choice.dest])


def synopsis(parser: argparse.ArgumentParser, known: Collection[str] = ()) -> str:
    """How it is called: program, options in brackets (those that exclude one another share a pair), arguments."""
    told = list(_told(parser, known))
    rivals = {
        id(action): group._group_actions for group in parser._mutually_exclusive_groups for action in group._group_actions
    }
    parts = [parser.prog]
    for action in told:
        alternatives = rivals.get(id(action), [action])
        if action.option_strings and alternatives[0] is action:
            parts.append("[" + " | ".join(map(_written, alternatives)) + "]")
    parts += [_repeated(action) for action in told if not action.option_strings]
    return " ".join(parts)


def dests(parser: argparse.ArgumentParser) -> frozenset[str]:
    """What its own arguments and options are called."""
    return frozenset(action.dest for action in parser._actions)


def _told(parser: argparse.ArgumentParser, known: Collection[str]) -> Iterator[argparse.Action]:
    for action in parser._actions:
        if not isinstance(action, argparse._HelpAction | argparse._SubParsersAction) and action.dest not in known:
            yield action


def _written(action: argparse.Action) -> str:
    names = action.metavar if isinstance(action.metavar, tuple) else (action.metavar or action.dest.upper(),)
    values = () if action.nargs == 0 else names
    return " ".join(filter(None, (", ".join(action.option_strings), *values)))


def _repeated(action: argparse.Action) -> str:
    name = _written(action)
    return {"?": f"[{name}]", "*": f"[{name}...]", "+": f"{name}..."}.get(str(action.nargs), name)
