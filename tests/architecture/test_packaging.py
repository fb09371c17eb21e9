"""What lies beside the product: scripts, pins and samples."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from safetensors import safe_open

CHECKOUT = Path(__file__).parents[2]
PACKAGING = CHECKOUT / "packaging"
SAMPLES = (sys.executable, "-m", "wan_healthd.daemon.samples")
TENSORS_OF_THE_SAMPLES = 144


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed: packaging/check --system installs it")
    return subprocess.run(command, capture_output=True, text=True, timeout=50, check=False)


def test_scripts_hold_no_traps() -> None:
    scripts = [PACKAGING / "check", PACKAGING / "quickstart", PACKAGING / "environment.sh", CHECKOUT / ".ci" / "run"]
    outcome = run("shellcheck", "--external-sources", "--source-path", CHECKOUT, *scripts)
    assert outcome.returncode == 0, outcome.stdout


def canonical(requirement: str) -> str:
    name = re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]
    return re.sub(r"[-_.]+", "-", name).lower()


def needed() -> set[str]:
    """Every distribution that the project and its checks need here, by canonical name."""
    with (CHECKOUT / "pyproject.toml").open("rb") as file:
        stated = tomllib.load(file)
    project = stated["project"]
    wanted = [*stated["build-system"]["requires"], *project["dependencies"], *project["optional-dependencies"]["check"]]
    found: set[str] = set()
    while wanted:
        name = canonical(wanted.pop())
        if name in found:
            continue
        try:
            requires = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue  # for other platforms only, or a build tool that is not kept
        found.add(name)
        wanted += [requirement for requirement in requires if "extra ==" not in requirement]
    return found


def test_every_dependency_is_pinned() -> None:
    lines = (PACKAGING / "constraints.txt").read_text().splitlines()
    pins = {canonical(line) for line in lines if "==" in line}
    assert needed() - pins == set()


@pytest.fixture
def samples(tmp_path: Path) -> Path:
    subprocess.run([*SAMPLES, tmp_path], cwd=CHECKOUT, check=True, timeout=30)
    return tmp_path


def test_samples_load_with_the_real_loader(samples: Path) -> None:
    count = 0
    for path in samples.rglob("*.safetensors"):
        with safe_open(path, "numpy") as file:
            count += len(file.keys())
    assert count == TENSORS_OF_THE_SAMPLES


def test_the_damage_is_one_bit(samples: Path) -> None:
    path = samples / "loras" / "wan-sample-lora.safetensors"
    before = path.read_bytes()
    subprocess.run([*SAMPLES, "--damage", path], cwd=CHECKOUT, check=True, timeout=30, capture_output=True)
    after = path.read_bytes()
    differing = [old ^ new for old, new in zip(before, after, strict=True) if old != new]
    assert [value.bit_count() for value in differing] == [1]
