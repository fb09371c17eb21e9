"""The commit that the hub's client noted beside a model."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from wan_healthd.domain.source_ref import SourceRef
from wan_healthd.host.files import LocalFiles
from wan_healthd.services.local_commit import pinned_locally

OLD, NEW = "1" * 40, "2" * 40
REF = SourceRef("a/b")


@pytest.fixture
def files() -> Iterator[LocalFiles]:
    files = LocalFiles()
    yield files
    files.close()


def note(folder: Path, name: str, commit: str, at: float) -> None:
    path = folder / ".cache/huggingface/download" / f"{name}.metadata"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{commit}\n{'a' * 64}\n{at}\n")


def find(files: LocalFiles, root: Path, path: Path, ref: SourceRef = REF) -> str | None:
    return pinned_locally(files, os.fsencode(path), os.fsencode(root), ref).revision


def test_a_stated_revision_stays(files: LocalFiles, tmp_path: Path) -> None:
    note(tmp_path / "m", "config.json", NEW, 1.0)
    assert find(files, tmp_path, tmp_path / "m", SourceRef("a/b", "main")) == "main"


def test_the_newest_note_counts(files: LocalFiles, tmp_path: Path) -> None:
    note(tmp_path / "m", "config.json", OLD, 100.0)
    note(tmp_path / "m", "vae/w.bin", NEW, 200.0)
    note(tmp_path / "m", "vae/x.bin", "no commit", 300.0)
    (tmp_path / "m/.cache/huggingface/download/broken.metadata").write_text("x")
    assert find(files, tmp_path, tmp_path / "m") == NEW


def test_a_single_file_has_a_note_of_its_own(files: LocalFiles, tmp_path: Path) -> None:
    note(tmp_path / "models", "vae/w.bin", NEW, 1.0)
    note(tmp_path / "models", "vae/other.bin", OLD, 2.0)
    (tmp_path / "models/vae").mkdir()
    (tmp_path / "models/vae/w.bin").touch()
    assert find(files, tmp_path, tmp_path / "models/vae/w.bin") == NEW


def test_a_cached_repository(files: LocalFiles, tmp_path: Path) -> None:
    repo = tmp_path / "models--a--b"
    (repo / "refs").mkdir(parents=True)
    (repo / "refs/main").write_text(NEW)
    assert find(files, tmp_path, repo) == NEW
    assert find(files, tmp_path, repo / "snapshots" / OLD) == OLD
    (repo / "refs/main").write_text("nonsense")
    assert find(files, tmp_path, repo) is None


def test_nothing_was_noted(files: LocalFiles, tmp_path: Path) -> None:
    assert find(files, tmp_path, tmp_path / "absent") is None
