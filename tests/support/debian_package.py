"""Our Debian package, built once for all tests of a run."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.unprivileged import CHECKOUT

BUILD = CHECKOUT / "packaging" / "deb" / "build.py"
BUILDING_S = 300.0


@pytest.fixture(scope="session")
def debian_package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package's file; it is built by the Python that runs the tests, which has all that this takes."""
    if shutil.which("dpkg-deb") is None:
        pytest.skip("there is no dpkg-deb to build a Debian package with (Debian package: dpkg)")
    folder = tmp_path_factory.mktemp("debian-package")
    command: list[str | Path] = [sys.executable, "-B", BUILD, "--output", folder]
    outcome = subprocess.run(command, capture_output=True, text=True, timeout=BUILDING_S, check=False)
    assert outcome.returncode == 0, f"cannot build the Debian package:\n{outcome.stdout}{outcome.stderr}"
    (package,) = folder.glob("*.deb")
    return package
