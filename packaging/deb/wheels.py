"""Fetches the wheels that go into the package, for every Python that it serves, and builds our own."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

PYTHONS = ("3.11", "3.13")
"""Debian 12's and 13's; extension modules carry their Python's name, so both fit into one folder."""

MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
"""What Debian's architectures are called in the names of wheels."""

PLATFORMS = ("manylinux_2_28", "manylinux_2_17", "manylinux2014")
"""glibc 2.28 at most, as `control` asks for it; Debian 12 has 2.36."""

SOURCE_ONLY = frozenset({"sdnotify"})
"""Published without a wheel; pure Python, so that what this Python builds serves all."""

SOURCES = ("wan_healthd", "pyproject.toml", "README.md", "config.example.toml", "systemd/user")
"""What our own wheel is made of."""


class CannotBuild(Exception):
    """The package cannot be built; the message says why."""


def fetch(names: Sequence[str], constraints: Path, arch: str, cache: Path) -> list[Path]:
    """The wheels of `names` at their pinned versions, in the order of their file names; fetched once, then taken from `cache`.

    Raises:
        CannotBuild: pip could not, or there is no wheel for one of `PYTHONS`.
    """
    asked = "\n".join([arch, *PYTHONS, *PLATFORMS, *names, constraints.read_text(encoding="utf-8")])
    kept = cache / f"wheels-{hashlib.sha256(asked.encode()).hexdigest()[:16]}"
    if not kept.is_dir():
        fresh = cache / f"{kept.name}.new"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        _fetch(names, constraints, arch, fresh)
        fresh.rename(kept)
    return sorted(kept.glob("*.whl"))


def build_own(checkout: Path, work: Path) -> Path:
    """Our own wheel, built from a copy: setuptools leaves its traces beside what it builds, and takes old traces for sources.

    Raises:
        CannotBuild: pip could not.
    """
    source = work / "source"
    for name in SOURCES:
        wanted, target = checkout / name, source / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if wanted.is_dir():
            shutil.copytree(wanted, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(wanted, target)
    _pip("wheel", "--no-deps", "--no-index", "--no-build-isolation", "--wheel-dir", str(work), str(source))
    return next(work.glob("wan_healthd-*.whl"))


def _fetch(names: Sequence[str], constraints: Path, arch: str, folder: Path) -> None:
    pinned = ("--no-deps", "--constraint", str(constraints))
    platforms = [f"--platform={platform}_{MACHINES[arch]}" for platform in PLATFORMS]
    wheels = [name for name in names if name not in SOURCE_ONLY]
    for python in PYTHONS:
        target = ("--only-binary=:all:", "--implementation=cp", f"--python-version={python}", *platforms)
        _pip("download", *pinned, *target, "--dest", str(folder), *wheels)
    for name in sorted(SOURCE_ONLY.intersection(names)):
        _pip("wheel", *pinned, "--no-build-isolation", "--wheel-dir", str(folder), name)


def _pip(*words: str) -> None:
    """Run pip; what it says is shown only if it fails."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", *words]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        raise CannotBuild(f"pip {words[0]} failed:\n{done.stdout}")
