"""Rates, and hours of the day, as they are written."""

from __future__ import annotations

from pathlib import Path

import pytest

from wan_healthd.config.files import ConfigSource
from wan_healthd.config.loader import load
from wan_healthd.config.printing import to_toml
from wan_healthd.config.quantities import Unreadable, read_hours, read_rate, write_rate
from wan_healthd.domain.politeness import WhileGenerating
from wan_healthd.domain.ports import ReadMode


@pytest.mark.parametrize(
    ("written", "rate"),
    [("200MB/s", 200_000_000), ("1.5 GB/s", 1_500_000_000), ("1MiB/s", 1 << 20), ("5000000B/s", 5_000_000), ("2 kB/s", 2000)],
)
def test_rates(written: str, rate: int) -> None:
    assert read_rate(written) == rate
    assert read_rate(write_rate(rate)) == rate


@pytest.mark.parametrize("written", ["", "200", "200MB", "MB/s", "-1MB/s", "1e6B/s", "200 mb/s", "٣MB/s", 200, True, None, []])
def test_what_is_no_rate(written: object) -> None:
    with pytest.raises(Unreadable):
        read_rate(written)


def test_hours_are_written_alike() -> None:
    assert read_hours(["22:00 - 07:00", "12:00-13:30"]) == ("22:00-07:00", "12:00-13:30")
    assert read_hours([]) == ()


@pytest.mark.parametrize(
    "written",
    ["22:00-07:00", ["22-7"], ["7:00-8:00"], ["24:00-01:00"], ["22:60-23:00"], ["22:00-22:00"], [7], [["22:00-07:00"]]],
)
def test_what_are_no_hours(written: object) -> None:
    with pytest.raises(Unreadable):
        read_hours(written)


def test_some_time_of_the_day_must_be_left() -> None:
    with pytest.raises(Unreadable, match="never read"):
        read_hours(["00:00-12:00", "11:00-00:00"])
    assert read_hours(["00:00-12:00", "12:00-23:59"])


def test_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    stated = 'mode = "idle"\nwhile_generating = "slow"\nmax_rate = "80MB/s"\nquiet_hours = ["22:00-07:00"]\n'
    file.write_text(f"[sweep]\n{stated}")
    settings = load(ConfigSource(str(file), required=True))
    sweep = settings.sweep
    assert (sweep.mode, sweep.max_rate, sweep.quiet_hours) == (ReadMode.IDLE, 80_000_000, ("22:00-07:00",))
    assert sweep.while_generating is WhileGenerating.SLOW
    assert stated in to_toml(settings)
