"""How full file systems are."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from wan_healthd.host.disk import usage_percent


def test_usage_is_what_df_says(tmp_path: Path) -> None:
    usage = shutil.disk_usage(tmp_path)
    assert usage_percent(os.fsencode(tmp_path)) == pytest.approx(100 * usage.used / (usage.used + usage.free), abs=0.5)


def test_what_cannot_be_asked_has_no_usage(tmp_path: Path) -> None:
    assert usage_percent(os.fsencode(tmp_path / "gone")) is None
    assert usage_percent(b"/proc") is None
