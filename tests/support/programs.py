"""Programs that a test needs and a machine may lack."""

from __future__ import annotations

import shutil

import pytest


def needs(*names: str) -> None:
    """Skip the test where one of them is not installed."""
    absent = [name for name in names if shutil.which(name) is None]
    if absent:
        pytest.skip(f"{' and '.join(absent)} not installed: packaging/check --system installs it")
