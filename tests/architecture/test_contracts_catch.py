"""Each import contract of pyproject.toml catches the fault that it is there for: a copy of the house, one planted import."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
LINT_IMPORTS = Path(sys.executable).with_name("lint-imports")

FAULTS = [
    ("floors", "domain/planted.py", "import wan_healthd.wire.answers"),
    ("floors", "domain/planted.py", "import wan_healthd"),
    ("floors", "wire/planted.py", "import wan_healthd.formats"),
    ("floors", "formats/planted.py", "import wan_healthd.checks"),
    ("floors", "checks/planted.py", "import wan_healthd.store"),
    ("floors", "digest/planted.py", "import wan_healthd.host"),
    ("floors", "hub/planted.py", "import wan_healthd.provenance"),
    ("floors", "services/planted.py", "import wan_healthd.monitor"),
    ("floors", "api/planted.py", "import wan_healthd.daemon"),
    ("floors", "cli/planted.py", "import wan_healthd.daemon"),
    ("floors", "utils.py", "import json"),
    ("no-cycles", "domain/extents.py", "import wan_healthd.domain.findings"),
    ("pure-rooms", "domain/planted.py", "import time"),
    ("pure-rooms", "formats/planted.py", "from io import BytesIO"),
    ("pure-rooms", "wire/planted.py", "import asyncio.subprocess"),
    ("pure-rooms", "checks/planted.py", "import os.path"),
    ("pure-rooms", "layouts/planted.py", "from os import stat"),
    ("no-pickle", "formats/planted.py", "import pickle"),
    ("door-host", "services/planted.py", "import structlog"),
    ("door-host", "monitor.py", "from watchdog.observers import Observer"),
    ("door-nvml", "host/probes/planted.py", "import pynvml"),
    ("door-store", "services/planted.py", "import sqlite3"),
    ("door-api", "client/planted.py", "from aiohttp import web"),
    ("door-api", "services/planted.py", "import tenacity"),
    ("door-completion", "cli/planted.py", "import shtab"),
    ("door-digest", "services/planted.py", "import blake3"),
    ("host-guests", "services/planted.py", "import wan_healthd.host"),
    ("host-guests", "digest/planted.py", "import wan_healthd.host"),
    ("client-only", "cli/planted.py", "import wan_healthd.store"),
    ("client-only", "client/planted.py", "import wan_healthd"),
]


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A copy of the package and its contracts, with an empty room for each one that is not built yet."""
    house = tmp_path / "wan_healthd"
    shutil.copytree(CHECKOUT / "wan_healthd", house, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(CHECKOUT / "pyproject.toml", tmp_path)
    for room in (
        "api",
        "checks",
        "cli",
        "client",
        "daemon",
        "digest",
        "formats",
        "host",
        "layouts",
        "services",
        "store",
        "wire",
    ):
        (house / room).mkdir(exist_ok=True)
        (house / room / "__init__.py").touch()
    for module in ("assembly.py", "opening.py", "monitor.py", "digest/worker.py"):
        if not (house / module).with_suffix("").is_dir():
            (house / module).touch()
    return house


def lint(house: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(LINT_IMPORTS), "--no-cache", "--no-logo", *options],
        cwd=house.parent,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_the_house_as_it_stands_keeps_every_contract(house: Path) -> None:
    outcome = lint(house)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    assert "0 broken" in outcome.stdout


@pytest.mark.parametrize(("contract", "module", "fault"), FAULTS)
def test_a_planted_fault_is_caught(house: Path, contract: str, module: str, fault: str) -> None:
    with (house / module).open("a") as file:
        file.write(f"\n{fault}\n")
    outcome = lint(house, "--contract", contract)
    assert outcome.returncode == 1, outcome.stdout + outcome.stderr
    assert "0 kept, 1 broken" in outcome.stdout, outcome.stdout + outcome.stderr
    assert Path(module).stem in outcome.stdout


def test_what_the_contracts_permit_is_kept(house: Path) -> None:
    (house / "host" / "planted.py").write_text("import psutil, structlog, watchdog\n")
    (house / "store" / "planted.py").write_text("import sqlite3\n")
    (house / "api" / "planted.py").write_text("import aiohttp\n")
    (house / "hub" / "planted.py").write_text("import aiohttp, tenacity\n")
    with (house / "digest" / "worker.py").open("a") as file:
        file.write("\nimport blake3\nimport wan_healthd.formats\nimport wan_healthd.host.planted\n")
    outcome = lint(house)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr


def test_every_contract_has_a_planted_fault() -> None:
    with (CHECKOUT / "pyproject.toml").open("rb") as file:
        contracts = tomllib.load(file)["tool"]["importlinter"]["contracts"]
    assert {contract["id"] for contract in contracts} == {contract for contract, _, _ in FAULTS}
