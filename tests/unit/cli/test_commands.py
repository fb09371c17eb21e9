"""Each command as a function against a real server."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path

import pytest

from tests.fakes.facade import DAMAGED, SOUND, UNREAD, job_failure
from tests.fakes.serving import Served, serving
from wan_healthd.cli.commands import COMMANDS
from wan_healthd.cli.main import main
from wan_healthd.domain.events import EventKind

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("COLUMNS", "NO_COLOR", "WAN_HEALTHD_SOCKET"):
        monkeypatch.delenv(name, raising=False)


class Said:
    def __init__(self, status: int, out: str, err: str) -> None:
        self.status, self.out, self.err = status, out, err


@pytest.fixture
def say(served: Served, capsys: pytest.CaptureFixture[str]) -> object:
    def run(*words: str) -> Said:
        status = main(["--socket", served.path, *words])
        captured = capsys.readouterr()
        return Said(status, captured.out, captured.err)

    return run


@pytest.fixture
def healthy(served: Served) -> Served:
    """Only the sound model is left."""
    served.facade.files = {SOUND: served.facade.files[SOUND]}
    return served


@pytest.mark.parametrize("columns", [80, 200])
@pytest.mark.parametrize(("name", "words"), [("status", ["status"]), ("files", ["files", DAMAGED]), ("verdict", ["status", DAMAGED])])
def test_golden(say, monkeypatch: pytest.MonkeyPatch, name: str, words: list[str], columns: int) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("COLUMNS", str(columns))
    said = say(*words)
    assert said.out == (GOLDEN / f"{name}-{columns}.txt").read_text(encoding="utf-8")
    assert (said.status, said.err) == (1, "")
