"""The guards of tests/conftest.py catch what they are there for: a leaky and skipping suite, run in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.unprivileged import Unprivileged

CHECKOUT = Path(__file__).parents[2]
SUITE = """
import os, subprocess, threading
import pytest

kept = []

def test_clean():
    subprocess.run(["true"], check=True)

def test_leaks_a_thread():
    event = threading.Event()
    kept.append(event)
    threading.Thread(target=event.wait, name="a leaked thread", daemon=True).start()

def test_leaks_an_orphan():
    subprocess.run(["sh", "-c", "sleep 61 >/dev/null & exit 0"], check=True)

def test_leaks_a_descriptor():
    kept.append(os.open("/etc/hostname", os.O_RDONLY))

def test_skips():
    pytest.skip("no such thing here")

@pytest.mark.gpu
def test_skips_for_want_of_a_gpu():
    pytest.skip("no GPU")
"""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What pytest said of the suite."""
    folder = tmp_path_factory.mktemp("suite")
    (folder / "conftest.py").write_text("from tests.support import leaks\nfrom tests.conftest import *\nleaks.GRACE_S = 0.3\n")
    (folder / "test_suite.py").write_text(SUITE)
    (folder / "pytest.ini").write_text("[pytest]\nmarkers = gpu\n")
    outcome = subprocess.run(
        [sys.executable, "-m", "pytest", "--no-skips", "-p", "no:cacheprovider", str(folder)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert outcome.returncode == 1, outcome.stdout + outcome.stderr
    return outcome.stdout


@pytest.mark.parametrize(
    "named",
    ["thread a leaked thread", ": sleep 61", "/etc/hostname", "SKIP REFUSED test_suite.py::test_skips: Skipped: no such thing"],
)
def test_the_culprit_is_named(report: str, named: str) -> None:
    assert named in report


def test_the_innocent_pass(report: str) -> None:
    assert "1 failed, 4 passed, 1 skipped, 3 errors" in report


def test_a_user_without_rights_can_run_the_product(unprivileged: Unprivileged) -> None:
    program = (
        "import os, aiohttp, blake3, msgspec, psutil, wan_healthd.wire.answers; print(os.getuid(), os.getgroups(), os.getcwd())"
    )
    outcome = unprivileged.run([unprivileged.python, "-c", program])
    assert outcome.stdout.split() == [str(unprivileged.uid), "[]", str(unprivileged.folder)], outcome.stderr
