"""How full file systems are."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from wan_healthd.host import disk


def test_usage_is_what_df_says(tmp_path: Path) -> None:
    told, usage = shutil.disk_usage(tmp_path), disk.usage(os.fsencode(tmp_path))
    assert usage is not None
    assert usage.fraction == pytest.approx(told.used / (told.used + told.free), abs=0.005)
    assert usage.available_bytes == pytest.approx(told.free, rel=0.05)
    assert usage.device == tmp_path.stat().st_dev


def test_what_cannot_be_asked_has_no_usage(tmp_path: Path) -> None:
    assert disk.usage(os.fsencode(tmp_path / "gone")) is None
    assert disk.usage(b"/proc") is None
