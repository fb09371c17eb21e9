"""What goes into the Debian package, and into the wheel."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.debian_package import BUILD, BUILDING_S
from tests.support.unprivileged import CHECKOUT

DEB = CHECKOUT / "packaging" / "deb"
SYSTEMD = CHECKOUT / "systemd"
SUITES = {"3.11": "Debian 12", "3.13": "Debian 13"}
FOR_OTHERS = {"50-wan-healthd.preset"}
"""What Debian's package leaves out on purpose: it enables its units itself."""


def listed() -> set[str]:
    lines = (DEB / "bundled.txt").read_text().splitlines()
    return {canonicalize_name(line) for line in lines if line and not line.startswith("#")}


def applies(requirement: Requirement, python: str) -> bool:
    surroundings = {"python_version": python, "python_full_version": f"{python}.0", "extra": ""}
    return requirement.marker is None or requirement.marker.evaluate(surroundings)


def needed(python: str) -> set[str]:
    """What we need under that Python, by what the installed distributions say of themselves."""
    with (CHECKOUT / "pyproject.toml").open("rb") as file:
        wanted = [Requirement(line) for line in tomllib.load(file)["project"]["dependencies"]]
    found: set[str] = set()
    while wanted:
        requirement = wanted.pop()
        name = canonicalize_name(requirement.name)
        if name not in found and applies(requirement, python):
            found.add(name)
            wanted += [Requirement(line) for line in metadata.requires(name) or []]
    return found


def test_all_that_is_needed_is_bundled_and_nothing_else() -> None:
    assert set().union(*map(needed, SUITES)) == listed()


def test_every_file_of_systemd_has_a_place() -> None:
    placed = (DEB / "tree.py").read_text()
    files = [path.relative_to(CHECKOUT) for path in SYSTEMD.rglob("*") if path.is_file() and path.name not in FOR_OTHERS]
    homeless = [str(path) for path in files if path.parent.name != "drop-ins" and f'"{path}"' not in placed]
    assert files
    assert homeless == []


def test_purge_knows_every_drop_in() -> None:
    names = sorted(path.stem for path in (SYSTEMD / "drop-ins").glob("*.conf"))
    assert f"for name in {' '.join(names)}; do" in (DEB / "postrm").read_text()


def test_the_first_configuration_sets_nothing_and_shows_how() -> None:
    text = (DEB / "config.toml").read_text()
    assert tomllib.loads(text) == {}
    assert tomllib.loads(re.sub(r"(?m)^#(?=\S)", "", text)) == {"roots": [{"path": "/srv/models"}]}


def test_scripts_hold_no_traps() -> None:
    if shutil.which("shellcheck") is None:
        pytest.skip("shellcheck is not installed: packaging/check --system installs it")
    scripts = [
        CHECKOUT / "packaging" / "build-deb",
        *(DEB / name for name in ("postinst", "prerm", "postrm", "wan-healthd.rtupdate")),
    ]
    command: list[str | Path] = ["shellcheck", "--external-sources", "--source-path", CHECKOUT, *scripts]
    outcome = subprocess.run(command, capture_output=True, text=True, timeout=50, check=False)
    assert outcome.returncode == 0, outcome.stdout


@pytest.mark.timeout(2 * BUILDING_S)
def test_built_again_it_is_the_same_and_lintian_is_content(debian_package: Path, tmp_path: Path) -> None:
    if shutil.which("lintian") is None:
        pytest.skip("lintian is not installed: packaging/check --system installs it")
    command: list[str | Path] = [sys.executable, "-B", BUILD, "--output", tmp_path, "--lint"]
    outcome = subprocess.run(command, capture_output=True, text=True, timeout=BUILDING_S, umask=0o077, check=False)
    assert (outcome.returncode, outcome.stdout) == (0, f"{tmp_path / debian_package.name}\n"), outcome.stderr
    first, second = (hashlib.sha256(path.read_bytes()).digest() for path in (debian_package, tmp_path / debian_package.name))
    assert first == second


@pytest.fixture
def venv(tmp_path: Path) -> Path:
    """An environment with our wheel and, from the one that runs the tests, everything but us."""
    builder = (
        f"import sys, wheels, pathlib; print(wheels.build_own(pathlib.Path({str(CHECKOUT)!r}), pathlib.Path(sys.argv[1])))"
    )
    work, home = tmp_path / "work", tmp_path / "venv"
    work.mkdir()
    built = subprocess.run([sys.executable, "-B", "-c", builder, work], cwd=DEB, capture_output=True, text=True, check=True)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", home], check=True)
    pip: list[str | Path] = [sys.executable, "-m", "pip", "--python", home / "bin" / "python", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "--quiet", "--no-deps", "--no-index", "--no-compile", built.stdout.strip()], check=True)
    # A path in a .pth file: the .pth files of that folder, ours among them, are not followed.
    (own,) = home.glob("lib/python*/site-packages")
    (own / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return home


@pytest.mark.timeout(BUILDING_S)
def test_the_wheel_works_without_the_checkout(venv: Path, tmp_path: Path) -> None:
    models = tmp_path / "models"
    models.mkdir()
    (models / "notes.json").write_text("{}")
    clean = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LC_ALL": "C.UTF-8"}

    def said(*command: str | Path) -> str:
        words = [venv / "bin" / command[0], *command[1:]]
        return subprocess.run(words, cwd=tmp_path, env=clean, capture_output=True, text=True, timeout=50, check=True).stdout

    assert said("python", "-c", "import wan_healthd; print(wan_healthd.__file__)").startswith(str(venv))
    assert "healthy" in said("wan-healthd", "scan", models, "--state", tmp_path / "state.db")
    assert "healthctl" in said("healthctl", "completion", "bash")
    assert (venv / "share" / "systemd" / "user" / "wan-healthd.service").read_bytes() == (
        SYSTEMD / "user" / "wan-healthd.service"
    ).read_bytes()
    assert tomllib.loads((venv / "share" / "doc" / "wan-healthd" / "config.example.toml").read_text())
