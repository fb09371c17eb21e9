"""The README's first command, as it stands."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from wan_healthd.daemon.samples import make_samples

QUICKSTART = Path(__file__).parents[2] / "packaging" / "quickstart"
pytestmark = pytest.mark.timeout(300)  # the first run makes a Python environment


def quickstart(temporary: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [QUICKSTART, *arguments],
        env={**os.environ, "TMPDIR": str(temporary)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )


@pytest.fixture
def temporary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short path, since it will hold a socket."""
    return tmp_path_factory.mktemp("t")


def test_damage_to_a_sample_is_named(temporary: Path) -> None:
    outcome = quickstart(temporary, "--damage")
    said = outcome.stdout
    assert outcome.returncode == 0, said + outcome.stderr
    before, _, after = said.partition("flipped bit")
    assert "corrupted" not in before
    assert "diffusion_pytorch_model-00002-of-00003.safetensors" in after
    assert "checksum-mismatch" in after or "differs" in after
    assert "blocks.2." in after or "blocks.1." in after
    assert list(temporary.iterdir()) == []


def test_a_folder_of_the_users_is_only_read(temporary: Path, tmp_path: Path) -> None:
    make_samples(tmp_path)
    before = {path: path.stat().st_ctime_ns for path in [tmp_path, *tmp_path.rglob("*")]}
    outcome = quickstart(temporary, tmp_path)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    assert {path: path.stat().st_ctime_ns for path in [tmp_path, *tmp_path.rglob("*")]} == before


def test_damage_to_a_folder_of_the_users_is_refused(temporary: Path, tmp_path: Path) -> None:
    outcome = quickstart(temporary, tmp_path, "--damage")
    assert outcome.returncode == 2
    assert "never your own models" in outcome.stderr


def test_a_temporary_folder_among_the_models_is_refused(tmp_path: Path) -> None:
    temporary = tmp_path / "models" / "temporary"
    temporary.mkdir(parents=True)
    outcome = quickstart(temporary, tmp_path / "models")
    assert outcome.returncode == 6
    assert "set TMPDIR" in outcome.stderr
