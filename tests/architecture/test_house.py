"""House rules that no linter knows."""

from __future__ import annotations

import ast
import re
import string
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from wan_healthd.domain import catalogue
from wan_healthd.domain.alerts import ALERT_KINDS, AlertKind
from wan_healthd.domain.catalogue import KINDS
from wan_healthd.domain.finding_kind import FindingKind

PACKAGE = Path(__file__).parents[2] / "wan_healthd"
MODULES = sorted(PACKAGE.rglob("*.py"))
LONGEST_FILE = 400
KEBAB_CASE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
HEAVY = ("aiohttp", "apscheduler", "asyncio", "sqlite3", "structlog", "watchdog")


def test_no_file_is_too_long() -> None:
    lengths = {path: len(path.read_text().splitlines()) for path in MODULES}
    assert [f"{path}: {length} lines" for path, length in lengths.items() if length > LONGEST_FILE] == []


def test_every_room_says_what_lives_here() -> None:
    rooms = [path for path in MODULES if path.name == "__init__.py"]
    assert [str(room) for room in rooms if not ast.get_docstring(ast.parse(room.read_text()))] == []


@pytest.mark.parametrize("module", ["wan_healthd", "wan_healthd.cli.main"])
def test_importing_the_client_stays_cheap(module: str) -> None:
    program = f"import sys, {module}; print(*sorted(set(sys.modules) & {set(HEAVY)!r}))"
    outcome = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True)
    assert outcome.stdout.split() == []


def repeated(values: Iterator[str]) -> list[str]:
    return [value for value, count in Counter(values).items() if count > 1]


@pytest.mark.parametrize("kind", ALERT_KINDS, ids=lambda kind: kind.name)
def test_an_alert_can_be_found_by_its_message_id(kind: AlertKind) -> None:
    assert re.fullmatch("[0-9a-f]{32}", kind.message_id)
    assert KEBAB_CASE.fullmatch(kind.name)


def test_alerts_are_told_apart() -> None:
    assert repeated(kind.message_id for kind in ALERT_KINDS) == []
    assert repeated(kind.name for kind in ALERT_KINDS) == []


def fields_of(kind: FindingKind) -> set[str]:
    """The facts that the kind's texts need from a check."""
    parsed = [*string.Formatter().parse(kind.text), *string.Formatter().parse(kind.suggestion)]
    return {name for _, name, _, _ in parsed if name is not None}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.code)
def test_a_finding_reads_well_once_filled(kind: FindingKind) -> None:
    facts: dict[str, Any] = dict.fromkeys(fields_of(kind) - {"name"}, "a fact")
    assert all(name.isidentifier() for name in facts)
    finding = kind.at(b"/models/a/file.safetensors", **facts)
    assert KEBAB_CASE.fullmatch(kind.code)
    assert not re.search(r"[{}\n]", finding.message + finding.suggestion)
    assert finding.message and finding.suggestion


def test_findings_are_told_apart_and_all_are_listed() -> None:
    assert repeated(kind.code for kind in KINDS) == []
    declared = {value for value in vars(catalogue).values() if isinstance(value, FindingKind)}
    declared |= {kind for shape in catalogue.SHAPES.values() for kind in shape.all}
    assert declared == set(KINDS)


def findings_made(module: Path) -> Iterator[tuple[FindingKind, ast.Call]]:
    """Each `KIND.at(…)` of a module, with its kind."""
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "at":
            named = node.func.value
            kind = getattr(catalogue, named.attr if isinstance(named, ast.Attribute) else getattr(named, "id", ""), None)
            if isinstance(kind, FindingKind):
                yield kind, node


def test_whoever_makes_a_finding_hands_in_every_fact() -> None:
    lacking = []
    for module in MODULES:
        for kind, call in findings_made(module):
            given = {keyword.arg for keyword in call.keywords}
            absent = fields_of(kind) - {"name"} - given
            if absent and None not in given:  # what `**facts` holds cannot be told from outside
                lacking.append(f"{module}:{call.lineno}: {kind.code} lacks {sorted(absent)}")
    assert lacking == []
