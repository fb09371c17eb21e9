"""The pages of the two programs, from their parsers."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterable, Iterator
from itertools import chain

from manual import roff
from wan_healthd.cli import manual as healthctl_manual
from wan_healthd.cli.commands import COMMANDS
from wan_healthd.cli.parser import build
from wan_healthd.daemon import manual as daemon_manual
from wan_healthd.daemon.main import parser as daemon_parser
from wan_healthd.usage.outline import Section, Word, arguments, dests, sections, synopsis, words
from wan_healthd.usage.sections import Entry

EXAMPLES = "examples"
SEE_ALSO = {
    "wan-healthd": "healthctl(1), wan-healthd.toml(5), systemd(1), systemctl(1), journalctl(1)",
    "healthctl": "wan-healthd(8), wan-healthd.toml(5), journalctl(1)",
}


def healthctl() -> Iterator[str]:
    """healthctl(1)."""
    parser = build([command.name for command in COMMANDS])
    more = (
        ("exit status", healthctl_manual.EXIT_STATUS),
        ("environment", healthctl_manual.ENVIRONMENT),
        ("files", healthctl_manual.FILES),
    )
    listed = [_section(title, entries) for title, entries in more]
    return _page(parser, ["healthctl [OPTION...] COMMAND [ARGUMENT...]"], [*listed, *sections(parser)])


def daemon() -> Iterator[str]:
    """wan-healthd(8)."""
    parser = daemon_parser()
    calls = ["wan-healthd [OPTION...]", *(synopsis(word.parser, dests(parser)) for word in words(parser))]
    return _page(parser, calls, [*sections(parser), _section("journal fields", daemon_manual.JOURNAL)])


def _section(title: str, entries: Iterable[tuple[str, str]]) -> Section:
    return Section(title, tuple(Entry(*entry) for entry in entries))


def _page(parser: ArgumentParser, calls: Iterable[str], more: Iterable[Section]) -> Iterator[str]:
    first, _, rest = (parser.description or "").partition("\n\n")
    yield from roff.heading("name")
    yield f"{roff.escaped(parser.prog)} \\- {roff.escaped(first[0].lower() + first[1:].rstrip('.'))}"
    yield from roff.heading("synopsis")
    yield from roff.calls(calls)
    yield from roff.heading("description")
    yield from roff.paragraphs(rest)
    yield from roff.heading("options")
    yield from _items(arguments(parser))
    yield from roff.heading("commands")
    for word in words(parser):
        yield from _word(word, dests(parser))
    examples = [*_examples(parser), *chain.from_iterable(_examples(word.parser) for word in words(parser))]
    for section in more:
        if section.title != EXAMPLES:
            yield from roff.heading(section.title)
            yield from _items(section.entries)
    yield from roff.heading(EXAMPLES)
    for command, meaning in dict.fromkeys(examples):
        yield from roff.paragraphs(meaning)
        yield from roff.example([command])
    yield from roff.heading("see also")
    yield from roff.paragraphs(SEE_ALSO[parser.prog])


def _word(word: Word, known: frozenset[str]) -> Iterator[str]:
    """A command, or a word of one: how it is called, what it does, its arguments, and its words."""
    inner = list(words(word.parser))
    yield from roff.subheading(synopsis(word.parser, known))
    yield from roff.paragraphs(word.parser.description or "")
    yield from _items(arguments(word.parser, known))
    for section in sections(word.parser):
        if section.title != EXAMPLES:
            yield from roff.paragraphs(f"{section.title[0].upper()}{section.title[1:]}:")
            yield from _items(section.entries)
    for below in inner:
        yield from _word(below, known | dests(word.parser))


def _items(entries: Iterable[Entry]) -> Iterator[str]:
    for entry in entries:
        yield from roff.item(*entry)


def _examples(parser: ArgumentParser) -> Iterator[Entry]:
    for section in sections(parser):
        if section.title == EXAMPLES:
            yield from section.entries
