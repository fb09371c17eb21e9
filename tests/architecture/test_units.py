"""What systemd is given: it understands every file without a word, and the service is as tight as its comments say."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
SYSTEMD = CHECKOUT / "systemd"
SERVICE, SOCKET = "wan-healthd.service", "wan-healthd.socket"
USER_SERVICE = SYSTEMD / "user" / SERVICE
DROP_INS = sorted((SYSTEMD / "drop-ins").glob("*.conf"))
HIGHEST_EXPOSURE = 1.0
STATED_EXPOSURE = re.compile(r"# Exposure by `systemd-analyze security`: ([0-9.]+) \(([0-9.]+) without it\)")
INSTALLED = "/usr/share/doc/wan-healthd/examples/drop-ins"
PROGRAM = re.compile(r"(?m)^Exec(Start|Reload)=/usr/bin/(?P<program>\S+)")


def run(*command: str | Path, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed: packaging/check --system installs it")
    told = {**os.environ, **(env or {})}
    return subprocess.run(command, capture_output=True, text=True, timeout=50, check=False, env=told)


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """A folder with the units, whose programs are there, since systemd-analyze looks for them."""
    for name in (SERVICE, SOCKET):
        (tmp_path / name).write_text(PROGRAM.sub(r"Exec\1=/bin/true", (SYSTEMD / name).read_text()))
    return tmp_path


def add(units: Path, *drop_ins: Path) -> None:
    folder = units / f"{SERVICE}.d"
    folder.mkdir()
    for drop_in in drop_ins:
        shutil.copy(drop_in, folder)


def exposure(units: Path) -> float:
    outcome = run("systemd-analyze", "security", "--offline=true", "--no-pager", units / SERVICE)
    found = re.search(r"Overall exposure level for .*: ([0-9.]+)", outcome.stdout)
    assert found is not None, outcome.stdout + outcome.stderr
    return float(found[1])


def said_of(*units: Path, env: Mapping[str, str] | None = None, options: tuple[str, ...] = ()) -> tuple[int, str]:
    outcome = run("systemd-analyze", "verify", "--man=no", *options, *units, env=env)
    return outcome.returncode, outcome.stdout + outcome.stderr


def test_systemd_understands_the_units(units: Path) -> None:
    assert said_of(units / SERVICE, units / SOCKET) == (0, "")


def test_systemd_understands_the_unit_of_a_user(tmp_path: Path) -> None:
    assert said_of(USER_SERVICE, env={"XDG_RUNTIME_DIR": str(tmp_path)}, options=("--user",)) == (0, "")


def test_the_service_is_hardened(units: Path) -> None:
    assert exposure(units) <= HIGHEST_EXPOSURE


@pytest.mark.parametrize("drop_in", DROP_INS, ids=lambda path: path.stem)
def test_a_drop_in_says_what_it_costs_and_how_to_install_it(drop_in: Path, units: Path) -> None:
    text = drop_in.read_text()
    stated = STATED_EXPOSURE.search(text)
    assert stated is not None
    assert f" {INSTALLED}/{drop_in.name} " in text
    assert exposure(units) == float(stated[2])
    add(units, drop_in)
    assert exposure(units) == float(stated[1])
    assert said_of(units / SERVICE) == (0, "")


def test_all_drop_ins_go_together(units: Path) -> None:
    add(units, *DROP_INS)
    assert said_of(units / SERVICE) == (0, "")


def settings(unit: Path, name: str) -> list[str]:
    return re.findall(rf"(?m)^{name}=(.*)$", unit.read_text())


@pytest.mark.parametrize("name", ["SystemCallFilter", "RestartPreventExitStatus", "TimeoutStopSec", "WatchdogSec", "MemoryMax"])
def test_the_two_services_agree(name: str) -> None:
    assert settings(USER_SERVICE, name) == settings(SYSTEMD / SERVICE, name) != []


def test_the_units_start_programs_that_we_have() -> None:
    with (CHECKOUT / "pyproject.toml").open("rb") as file:
        ours = set(tomllib.load(file)["project"]["scripts"])
    assert {found["program"] for found in PROGRAM.finditer((SYSTEMD / SERVICE).read_text())} == ours
    assert {line.split()[1] for name in ("ExecStart", "ExecReload") for line in settings(USER_SERVICE, name)} == ours


def test_the_preset_enables_what_can_be_enabled() -> None:
    lines = (SYSTEMD / "50-wan-healthd.preset").read_text().splitlines()
    enabled = {line.removeprefix("enable ") for line in lines if not line.startswith("#")}
    assert enabled == {unit.name for unit in (SYSTEMD / SERVICE, SYSTEMD / SOCKET) if settings(unit, "WantedBy")}


def test_user_group_and_folder_are_made(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can make users, even below another root")
    (tmp_path / "etc").mkdir()
    for kind in ("sysusers", "tmpfiles"):
        folder = tmp_path / "usr" / "lib" / f"{kind}.d"
        folder.mkdir(parents=True)
        shutil.copy(SYSTEMD / f"wan-healthd.{kind}", folder / "wan-healthd.conf")
    for _twice in range(2):
        for command in (("systemd-sysusers",), ("systemd-tmpfiles", "--create")):
            made = run(*command, f"--root={tmp_path}", "wan-healthd.conf")
            assert made.returncode == 0, made.stderr
    name, _, uid, gid, _, home, shell = (tmp_path / "etc" / "passwd").read_text().strip().split(":")
    assert (name, home, shell) == ("wan-healthd", "/", "/usr/sbin/nologin")
    assert (tmp_path / "etc" / "group").read_text() == f"wan-health:x:{gid}:\n"
    folder = tmp_path / "run" / "wan-healthd"
    facts = folder.stat()
    assert (facts.st_uid, facts.st_gid, facts.st_mode & 0o7777) == (int(uid), int(gid), 0o755)
