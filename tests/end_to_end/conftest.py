"""Homes for daemons: short paths, since a socket's path is short."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.daemons import Home
from tests.support.rotting_disk import disk
from tests.support.system_service import debian, fresh, installed, new_machine, service
from tests.support.unprivileged import Unprivileged

__all__ = ["debian", "disk", "fresh", "home", "installed", "new_machine", "service", "unprivileged_home"]


@pytest.fixture
def home() -> Iterator[Home]:
    """A home for a daemon of whoever runs the tests."""
    folder = Path(tempfile.mkdtemp(prefix="wan-"))
    try:
        yield Home(folder)
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def unprivileged_home(home: Home, request: pytest.FixtureRequest) -> Home:
    """A home for a daemon of a user without rights: whoever runs the tests, unless that is root."""
    if os.geteuid() != 0:
        return home
    user: Unprivileged = request.getfixturevalue("unprivileged")
    folder = user.folder / "home"
    folder.mkdir()
    return Home(folder, user)
