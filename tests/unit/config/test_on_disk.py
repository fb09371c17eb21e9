"""What `--check-config` adds."""

from __future__ import annotations

from pathlib import Path

from wan_healthd.config.on_disk import check
from wan_healthd.domain.settings import RootSettings, Settings


def of(*paths: Path) -> list[str]:
    return check(Settings(roots=tuple(RootSettings(str(path)) for path in paths)))


def test_roots(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    folder = tmp_path / "folder"
    folder.mkdir()
    absent = tmp_path / "absent\n"
    assert of(folder) == []
    assert of(folder, file, absent) == [
        f"roots.path: cannot look at the folder {file}: Not a directory; correct it or the path",
        f"roots.path: cannot look at the folder {tmp_path}/absent\\n: No such file or directory; "
        "mount or create it, or correct the path",
    ]


def test_no_roots() -> None:
    assert of() == ["roots: nothing is watched; add [[roots]] with a path"]
