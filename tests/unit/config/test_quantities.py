"""Durations and paths as they are written."""

from __future__ import annotations

import pytest

from wan_healthd.config.quantities import Unreadable, read_duration, read_path, write_duration


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("90s", 90), ("15m", 900), ("1h", 3600), ("7d", 604_800), ("1.5 h", 5400), ("0s", 0), (30, 30), (0.5, 0.5), (-1, -1)],
)
def test_durations(written: object, seconds: float) -> None:
    assert read_duration(written) == seconds


@pytest.mark.parametrize(
    "written", ["", "90", "s", "1w", "-1s", "1e3s", "1h30m", " 1s", "1s\n", "٣s", True, None, [], {}, 10**400]
)
def test_what_is_no_duration(written: object) -> None:
    with pytest.raises(Unreadable):
        read_duration(written)


@pytest.mark.parametrize(
    ("seconds", "written"), [(604_800.0, "7d"), (90_000.0, "25h"), (90.0, "90s"), (900.0, "15m"), (0.25, 0.25), (90.5, 90.5)]
)
def test_durations_are_written_in_their_largest_unit(seconds: float, written: object) -> None:
    assert write_duration(seconds) == written


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("/", "/"),
        ("//", "/"),
        ("//srv//models/", "/srv/models"),
        ("/a/./b/.", "/a/b"),
        ("/a b/ü", "/a b/ü"),
        ("/a..b", "/a..b"),
    ],
)
def test_paths(given: str, kept: str) -> None:
    assert read_path(given) == kept
