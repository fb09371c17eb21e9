"""Runs `healthctl` as a function and says what it said."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from wan_healthd.cli.main import main


class Said(NamedTuple):
    status: int
    out: str
    err: str


class Healthctl:
    """`healthctl --socket PATH …` in this process."""

    def __init__(self, path: str, capsys: pytest.CaptureFixture[str]) -> None:
        self._path = path
        self._capsys = capsys

    def __call__(self, *words: str) -> Said:
        status = main(["--socket", self._path, *words])
        out, err = self._capsys.readouterr()
        return Said(status, out, err)
