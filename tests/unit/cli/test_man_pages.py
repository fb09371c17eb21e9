"""The manual pages: well-formed, complete, the same for the same source; their examples run, their lists are true."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import fields

from tests.fakes.serving import Served
from tests.support.programs import needs
from tests.unit.cli.test_process import CHECKOUT, RUN
from wan_healthd.cli import exits, manual
from wan_healthd.cli.commands import COMMANDS
from wan_healthd.cli.parser import build
from wan_healthd.config import environment
from wan_healthd.config.fields import row_type, table_type
from wan_healthd.config.files import ConfigSource
from wan_healthd.config.loader import load
from wan_healthd.daemon import manual as daemon_manual
from wan_healthd.daemon.main import parser as daemon_parser
from wan_healthd.domain.digests import Assurance
from wan_healthd.domain.files import VerifiedBy
from wan_healthd.domain.settings import Settings
from wan_healthd.domain.verdicts import HealthStatus
from wan_healthd.host.journal import JOURNAL_FIELDS
from wan_healthd.usage.outline import sections, words

PROGRAM = CHECKOUT / "packaging" / "man_pages.py"
NAMES = {"wan-healthd.8", "healthctl.1", "wan-healthd.toml.5"}
UNESCAPED = {
    "\\-": "-",
    "\\(aq": "'",
    "\\(dq": '"',
    "\\(ga": "`",
    "\\(ti": "~",
    "\\(ha": "^",
    "\\fB": "",
    "\\fR": "",
    "\\e": "\\",
}
ENDLESS = "--follow"
LASTING = ("wan-healthd demo", "journalctl")
"""Examples that tests/end_to_end and systemd's own tests are for."""
NOT_OURS = {"PYTHONPATH", "TERM"}


def make(folder: Path, *options: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, PROGRAM, folder, *options],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
        cwd="/",
        env={**os.environ, "SOURCE_DATE_EPOCH": "1793491200", **variables},
    )


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The pages as plain text with macros, by name."""
    folder = tmp_path_factory.mktemp("man")
    made = make(folder)
    assert (made.returncode, made.stderr) == (0, "")
    return {path.name: plain(path.read_text(encoding="ascii")) for path in folder.iterdir()}


def plain(text: str) -> str:
    for escape, meant in UNESCAPED.items():
        text = text.replace(escape, meant)
    return text


def test_man_and_mandoc_have_no_complaint(tmp_path: Path) -> None:
    needs("man", "mandoc")
    made = make(tmp_path, "--check")
    assert (made.returncode, made.stderr) == (0, "")
    assert {path.name for path in tmp_path.iterdir()} == NAMES


def test_a_complaint_is_told(tmp_path: Path) -> None:
    needs("mandoc")
    made = make(tmp_path, "--check", SOURCE_DATE_EPOCH="-99999999999")
    assert made.returncode == 1
    assert "mandoc: " in made.stderr


def test_the_same_source_gives_the_same_pages(tmp_path: Path, pages: dict[str, str]) -> None:
    assert make(tmp_path, COLUMNS="40", LC_ALL="C", TZ="Asia/Tokyo").returncode == 0
    assert {path.name: plain(path.read_text()) for path in tmp_path.iterdir()} == pages
    assert '.TH "WAN-HEALTHD" 8 2026-11-01 ' in pages["wan-healthd.8"]


def test_nothing_is_wider_than_a_terminal(tmp_path: Path) -> None:
    needs("man")
    make(tmp_path)
    for name in NAMES:
        shown = subprocess.run(
            ["man", "-l", tmp_path / name],
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "MANWIDTH": "80"},
        )
        assert [line for line in shown.stdout.splitlines() if len(line) > 80] == []
        assert "\N{HYPHEN}" not in shown.stdout  # words broken at a line's end cannot be copied


def parsers(parser: ArgumentParser) -> Iterator[ArgumentParser]:
    yield parser
    for word in words(parser):
        yield from parsers(word.parser)


def healthctl_parser() -> ArgumentParser:
    return build([command.name for command in COMMANDS])


def test_every_command_and_option_is_there(pages: dict[str, str]) -> None:
    for page, root in (("healthctl.1", healthctl_parser()), ("wan-healthd.8", daemon_parser())):
        for parser in parsers(root):
            told = set(re.findall(r"--[a-z][a-z-]*|\b[A-Z]{2,}\b", parser.format_usage())) - {"COMMAND", "WORD", "OPTION"}
            assert told - set(re.findall(r"--[a-z][a-z-]*|\b[A-Z]{2,}\b", pages[page])) == set()
            assert parser.prog in pages[page]


def test_every_setting_is_there(pages: dict[str, str]) -> None:
    page = pages["wan-healthd.toml.5"]
    for table in fields(Settings):
        kind = table_type(table) or row_type(table)
        assert kind is not None
        _, _, rest = page.partition(f'.SS "[{table.encode_name}]"' if table_type(table) else f'.SS "[[{table.encode_name}]]"')
        told = re.findall(r"^(\w+) = .*\n.+", re.split(r"\n\.S[SH] ", rest, maxsplit=1)[0], re.MULTILINE)
        assert told == [key.encode_name for key in fields(kind)]


@pytest.mark.parametrize("name", sorted(NAMES))
def test_the_usual_sections_are_there(pages: dict[str, str], name: str) -> None:
    wanted = {"NAME", "SYNOPSIS", "DESCRIPTION", "FILES", "EXAMPLES", "SEE ALSO"}
    if name != "wan-healthd.toml.5":
        wanted |= {"OPTIONS", "COMMANDS", "EXIT STATUS", "ENVIRONMENT"}
    assert wanted - set(re.findall(r"^\.SH (.+)", pages[name], re.MULTILINE)) == set()


def examples(root: ArgumentParser) -> list[str]:
    told = (section for parser in parsers(root) for section in sections(parser) if section.title == "examples")
    return list(dict.fromkeys(entry.term for section in told for entry in section.entries))


@pytest.fixture
def home(served: Served, tmp_path: Path) -> Path:
    """A folder with both programs, a configuration, a model that is fit for a scan, and somebody's own program."""
    models = tmp_path / "models"
    models.mkdir()
    (tmp_path / "config.toml").write_text(f'[[roots]]\npath = "{models}"\n')
    (tmp_path / "generate.py").write_text("")
    for name, run in (("healthctl", RUN), ("wan-healthd", RUN.replace("cli", "daemon"))):
        (tmp_path / name).write_text(f"#!/bin/sh\nexec {sys.executable} -c '{run}' \"$@\"\n")
        (tmp_path / name).chmod(0o755)
    return tmp_path


def outcome(example: str, home: Path, served: Served) -> tuple[int, str]:
    told = subprocess.run(
        ["/bin/sh", "-c", example.replace("/srv/models", str(home / "models"))],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
        stdin=subprocess.DEVNULL,
        cwd=home,
        env={
            "PATH": f"{home}:{Path(sys.executable).parent}:/usr/bin:/bin",
            "PYTHONPATH": str(CHECKOUT),
            "WAN_HEALTHD_SOCKET": served.path,
            "CONFIGURATION_DIRECTORY": str(home),
        },
    )
    return told.returncode, told.stderr


@pytest.mark.parametrize("example", [text for text in examples(healthctl_parser()) if ENDLESS not in text])
def test_an_example_runs(pages: dict[str, str], home: Path, served: Served, example: str) -> None:
    assert f"\n{example}\n" in pages["healthctl.1"]
    status, err = outcome(example, home, served)
    assert status in {exits.HEALTHY, exits.UNHEALTHY, 123}, err  # 123 is what xargs makes of 1
    assert "usage" not in err


@pytest.mark.parametrize("example", [text for text in examples(daemon_parser()) if not text.startswith(LASTING)])
def test_an_example_of_the_daemon_runs(pages: dict[str, str], home: Path, served: Served, example: str) -> None:
    assert f"\n{example}\n" in pages["wan-healthd.8"]
    assert outcome(example, home, served) == (0, "")


def test_examples_of_the_configuration_are_good(pages: dict[str, str], tmp_path: Path) -> None:
    blocks = re.findall(r"\.EX\n(.*?)\.EE", pages["wan-healthd.toml.5"], re.DOTALL)
    assert len(blocks) == 2
    for block in blocks:
        (tmp_path / "config.toml").write_text(block)
        assert load(ConfigSource(str(tmp_path / "config.toml"), required=True)) != Settings()


def test_lists_are_those_of_the_domain() -> None:
    assert [term for term, _ in manual.HEALTH] == list(HealthStatus)
    assert [term for term, _ in manual.VERIFIED_BY] == list(VerifiedBy)
    assert {term for term, _ in manual.PROOF} == set(Assurance)
    assert {term for term, _ in daemon_manual.JOURNAL} == JOURNAL_FIELDS | {"MESSAGE_ID"}
    statuses = {value for name, value in vars(exits).items() if name.isupper() and isinstance(value, int)}
    assert set(exits.MEANINGS) == statuses


def test_the_readme_says_the_same_of_health() -> None:
    readme = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    assert [row for row in manual.HEALTH if "| {} | {} |".format(*row) not in readme] == []


def test_every_variable_that_is_read_is_there(pages: dict[str, str]) -> None:
    read = {environment.ENDPOINT, *environment.TOKENS, *environment.OFFLINE}
    for path in (CHECKOUT / "wan_healthd").rglob("*.py"):
        read |= set(re.findall(r'environ(?:ment)?(?:\.get\(|\[)"([A-Z_]+)"', path.read_text(encoding="utf-8")))
    told = pages["wan-healthd.8"] + pages["healthctl.1"]
    assert [name for name in sorted(read - NOT_OURS) if name not in told] == []
