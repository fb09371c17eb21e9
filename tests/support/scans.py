"""`wan-healthd scan --json` as a process, and its answer by path: tests need not know how models are named."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.support.checkout import environment
from tests.support.control import Document

LIMIT_S = 60.0


class Scan(NamedTuple):
    """What a scan said."""

    status: int
    models: list[Document]
    bytes_read: int

    @property
    def issues(self) -> list[Document]:
        """Every finding on every model."""
        return [issue for model in self.models for issue in model["issues"]]

    def issues_at(self, path: Path) -> list[Document]:
        """The findings on one file, by whatever name it is called."""
        return [issue for issue in self.issues if issue["path"] and os.path.realpath(issue["path"]) == os.path.realpath(path)]

    def issues_below(self, folder: Path) -> list[Document]:
        """The findings on a folder and all in it, those on models as a whole included."""
        return [issue for model in self.models if _is_below(model, folder) for issue in model["issues"]]

    def file(self, path: Path) -> Document:
        """The row of the file at this very path."""
        rows: list[Document] = [row for model in self.models for row in model["files"] if row["path"] == str(path)]
        (row,) = rows
        return row

    def model_with(self, path: Path) -> Document:
        """The model that the file at this very path belongs to."""
        (model,) = [model for model in self.models if any(row["path"] == str(path) for row in model["files"])]
        return model


def scan(folder: Path, *arguments: str | Path) -> Scan:
    """Scan `folder`; `arguments` are further ones of the command."""
    done = subprocess.run(
        [sys.executable, "-m", "wan_healthd.daemon.main", "scan", "--json", folder, *arguments],
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
        env=environment(),
    )
    assert done.stderr == ""
    answer = json.loads(done.stdout)
    return Scan(done.returncode, answer["models"], answer["bytes_read"])


def _is_below(model: Document, folder: Path) -> bool:
    return any(Path(path).is_relative_to(folder) for path in _paths(model))


def _paths(model: Document) -> Iterator[str]:
    yield from (row["path"] for row in model["files"])
    yield from (issue["path"] for issue in model["issues"] if issue["path"])
