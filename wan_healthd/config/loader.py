"""Reads and merges the configuration files."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from msgspec.structs import fields

from wan_healthd.config.fields import table_type
from wan_healthd.config.files import ConfigSource, UnreadableFile, drop_ins, parse, read_text
from wan_healthd.config.lines import KeyLines
from wan_healthd.config.problems import Place, Problem
from wan_healthd.config.rules import broken_rules
from wan_healthd.config.shape import Given, Placed, ShapeReader, build
from wan_healthd.domain.errors import ConfigInvalid
from wan_healthd.domain.settings import Settings

_BUILT_IN = Place("built-in default")


def load(source: ConfigSource) -> Settings:
    """The effective configuration: defaults, the main file, then `conf.d/*.toml` by name.

    A later file overrides values key by key; its `[[roots]]` and `[[models]]` are added to those before.

    Raises:
        ConfigInvalid: all errors of all files, one a line.
    """
    problems: list[Problem] = []
    merged: Given = {}
    for file in _files(source, problems):
        _merge(merged, _read(file, problems, required=source.required or file != source.file))
    unsound = {problem.key.partition("[")[0].partition(".")[0] for problem in problems}
    problems += [item for item in broken_rules(merged, _defaults(Settings)) if not _follows(item, unsound)]
    if problems:
        raise ConfigInvalid(_report(problems), "correct the files, then try `wan-healthd --check-config`")
    return build(Settings, merged)


def _follows(problem: Problem, unsound: set[str]) -> bool:
    """Whether the problem may come only from another one that was told already: models need their roots."""
    return problem.key == "models.path" and bool({"roots", ""} & unsound)


def _files(source: ConfigSource, problems: list[Problem]) -> list[str]:
    try:
        return [source.file, *drop_ins(source)]
    except UnreadableFile as error:
        problems.append(error.problem)
        return [source.file]


def _read(file: str, problems: list[Problem], *, required: bool) -> Given:
    """What one file gives; nothing, and a problem told, where it cannot be read."""
    try:
        text = read_text(file, required=required)
        raw = parse(file, text)
    except UnreadableFile as error:
        problems.append(error.problem)
        return {}
    reader = ShapeReader(file, KeyLines(text))
    given = reader.table(Settings, raw)
    problems += reader.problems
    return given


def _merge(base: Given, later: Given) -> None:
    for name, value in later.items():
        if isinstance(value, dict):
            _merge(base.setdefault(name, {}), value)
        elif isinstance(value, list):
            base.setdefault(name, []).extend(value)
        else:
            base[name] = value


def _defaults(kind: type[Any]) -> Given:
    found: Given = {}
    for field in fields(kind):
        inner = table_type(field)
        found[field.name] = _defaults(inner) if inner is not None else Placed(field.default, _BUILT_IN)
    return found


def _report(problems: Iterable[Problem]) -> str:
    lines = [str(problem) for problem in problems]
    count = "1 error" if len(lines) == 1 else f"{len(lines)} errors"
    return "\n".join((f"cannot use the configuration: {count}", *lines))
