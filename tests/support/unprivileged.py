"""A user without rights, and a Python with the product that this user can execute.

The checkout, its environment and even the Python under it may lie in a folder that is closed to others (/root), so the
session makes an environment of its own in a folder that is open to all: an interpreter that anybody may run, a copy of the
installed run-time dependencies, and a copy of the package as it stands in the checkout.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

import pytest

CHECKOUT = Path(__file__).parents[2]
UID = 65111
"""Nobody's: Debian keeps 65000 to 65533 back, and a user who is in no table is the harder case."""


class CannotProvide(Exception):
    """No interpreter that others may run."""


class Unprivileged(NamedTuple):
    """A user who may do nothing but use `folder`, which is his own, and `python`, which has `wan_healthd`."""

    uid: int
    python: Path
    folder: Path

    def options(self, env: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Arguments for `subprocess.run` and `Popen` that start a process as this user, at home, with a clean environment."""
        clean = {"HOME": str(self.folder), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "TMPDIR": str(self.folder)}
        return {
            "user": self.uid,
            "group": self.uid,
            "extra_groups": [],
            "cwd": self.folder,
            "env": {**clean, **(env or {})},
            "umask": 0o077,
        }

    def run(
        self, command: Sequence[str | Path], *, env: Mapping[str, str] | None = None, timeout_s: float = 30.0
    ) -> subprocess.CompletedProcess[str]:
        """Runs `command` as this user to its end and returns what it said."""
        return subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, check=False, **self.options(env))

    def popen(self, command: Sequence[str | Path], *, env: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        """Starts `command` as this user; both its outputs come through one pipe."""
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **self.options(env))

    def give(self, path: Path) -> None:
        """Makes `path` and all below it this user's own; what a running daemon removes meanwhile is its own already."""
        os.chown(path, self.uid, self.uid, follow_symlinks=False)
        for item in path.rglob("*"):
            with suppress(FileNotFoundError):
                os.chown(item, self.uid, self.uid, follow_symlinks=False)


def open_interpreter() -> str:
    """An interpreter of our own version that the unprivileged user can run."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    probe = "import sys; print('%d.%d' % sys.version_info[:2])"
    candidates = [
        getattr(sys, "_base_executable", sys.executable),
        f"/usr/bin/python{version}",
        f"/usr/local/bin/python{version}",
    ]
    for candidate in candidates:
        try:
            said = subprocess.run(
                [candidate, "-I", "-c", probe],
                capture_output=True,
                text=True,
                timeout=20,
                check=False,
                cwd="/",
                user=UID,
                group=UID,
                extra_groups=[],
            )
        except OSError:
            continue
        if said.stdout.strip() == version:
            return candidate
    raise CannotProvide(f"no Python {version} that another user may run; tried {', '.join(candidates)}")


def name_of(requirement: str) -> str:
    return re.split(r"[^A-Za-z0-9._-]", requirement.strip(), maxsplit=1)[0]


def runtime_distributions() -> Iterator[metadata.Distribution]:
    """The installed distributions that the project needs at run time, and all that they need in turn."""
    with (CHECKOUT / "pyproject.toml").open("rb") as file:
        wanted = [name_of(requirement) for requirement in tomllib.load(file)["project"]["dependencies"]]
    seen: set[str] = set()
    while wanted:
        name = wanted.pop()
        if name in seen:
            continue
        seen.add(name)
        try:
            distribution = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue  # wanted on other platforms only
        yield distribution
        wanted += [name_of(requirement) for requirement in distribution.requires or () if "extra ==" not in requirement]


def copy_distribution(distribution: metadata.Distribution, site: Path) -> None:
    for file in distribution.files or ():
        source = Path(str(distribution.locate_file(file)))
        if ".." in file.parts or "__pycache__" in file.parts or not source.is_file():
            continue  # scripts and caches are made where they are used; a few distributions list files that they lack
        target = site / file
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


def make_environment(folder: Path) -> Path:
    """Makes the environment below `folder` and returns its interpreter."""
    home = folder / "environment"
    subprocess.run([open_interpreter(), "-m", "venv", "--without-pip", home], check=True, timeout=60, cwd="/")
    site = next(home.glob("lib/python*/site-packages"))
    for distribution in runtime_distributions():
        copy_distribution(distribution, site)
    shutil.copytree(CHECKOUT / "wan_healthd", site / "wan_healthd", ignore=shutil.ignore_patterns("__pycache__"))
    python = home / "bin" / "python"
    subprocess.run([python, "-m", "compileall", "-q", site], check=False, timeout=60, cwd="/")
    return python


@pytest.fixture(scope="session")
def unprivileged_python() -> Iterator[Path]:
    """A Python with `wan_healthd` and its dependencies that any user can run; needs root."""
    if os.geteuid() != 0:
        pytest.skip("only root can start a process as another user")
    previous = os.umask(0o022)
    folder = Path(tempfile.mkdtemp(prefix="wan-healthd-unprivileged-"))
    try:
        folder.chmod(0o755)
        yield make_environment(folder)
    except CannotProvide as failure:
        pytest.skip(f"cannot start the product as another user: {failure}")
    finally:
        os.umask(previous)
        shutil.rmtree(folder)


@pytest.fixture
def unprivileged(unprivileged_python: Path) -> Iterator[Unprivileged]:
    """A user without rights, at home in a folder of his own that goes with the test."""
    folder = Path(tempfile.mkdtemp(prefix="wan-healthd-home-"))
    try:
        os.chown(folder, UID, UID)
        yield Unprivileged(uid=UID, python=unprivileged_python, folder=folder)
    finally:
        shutil.rmtree(folder)
