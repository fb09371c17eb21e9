"""What `--check-config` says of a configuration without errors."""

from __future__ import annotations

import pytest

from wan_healthd.config.remarks import remarks
from wan_healthd.domain.settings import Settings, SweepSettings


def of(sweep: SweepSettings) -> list[str]:
    return remarks(Settings(sweep=sweep))


@pytest.mark.parametrize("sweep", [SweepSettings(), SweepSettings(quiet_hours=("22:00-06:00",))])
def test_nothing_is_said_where_only_the_disk_sets_a_limit(sweep: SweepSettings) -> None:
    assert of(sweep) == []


def test_how_much_is_read_in_time_at_most() -> None:
    (told,) = of(SweepSettings(max_rate=50_000_000, quiet_hours=("22:00-06:00", "23:00-05:00")))
    assert told.startswith("note: with 50.0 MB/s and 8 quiet hours a day, full sweeps read at most 20.2 TB every 7 days; ")
    (told,) = of(SweepSettings(max_rate=1_000_000, full_every=86400.0))
    assert told.startswith("note: with 1.0 MB/s, full sweeps read at most 86.4 GB every 24 h; ")
