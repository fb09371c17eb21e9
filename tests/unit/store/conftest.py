"""A real database, and its connection where no transactions of others are needed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from wan_healthd.store.connection import Connection, open_writer


@pytest.fixture
def file(tmp_path: Path) -> bytes:
    return os.fsencode(tmp_path / "state.db")


@pytest.fixture
def connection(file: bytes) -> Iterator[Connection]:
    opened = open_writer(file)
    yield opened
    opened.close()
