"""Homes for daemons: short paths, since a socket's path is short."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.daemons import Home
from tests.support.unprivileged import Unprivileged


@pytest.fixture
def home() -> Iterator[Home]:
    """A home for a daemon of whoever runs the tests."""
    folder = Path(tempfile.mkdtemp(prefix="wan-"))
    try:
        yield Home(folder)
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def unprivileged_home(unprivileged: Unprivileged) -> Home:
    """A home for a daemon of a user without rights."""
    folder = unprivileged.folder / "home"
    folder.mkdir()
    return Home(folder, unprivileged)
