from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.facade import SOUND
from tests.fakes.serving import Served, serving
from tests.unit.cli.healthctl import Healthctl


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with serving(tmp_path) as running:
        yield running


@pytest.fixture
def healthy(served: Served) -> Served:
    """A server that knows the sound model only."""
    served.facade.files = {SOUND: served.facade.files[SOUND]}
    return served


@pytest.fixture
def healthctl(served: Served, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Healthctl:
    for name in ("COLUMNS", "NO_COLOR", "WAN_HEALTHD_SOCKET"):
        monkeypatch.delenv(name, raising=False)
    return Healthctl(served.path, capsys)
