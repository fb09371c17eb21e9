"""Values that are written differently from what they are: a reader and a writer for each `written_as` of the settings."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from typing import Any

from msgspec import Struct

from wan_healthd.domain import quiet_hours

_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?([smhd])", re.ASCII)
_RATE = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,9})?) ?([KMGT]i?|k)?B/s", re.ASCII)
_BYTES = {"T": 10**12, "Ti": 2**40, "G": 10**9, "Gi": 2**30, "M": 10**6, "Mi": 2**20, "k": 1000, "K": 1000, "Ki": 1024}
_SECONDS = {"d": 86_400, "h": 3600, "m": 60, "s": 1}


class Unreadable(Exception):
    """The value cannot be read; the message is the cure."""


class Quantity(Struct, frozen=True):
    """How a kind of value is written.

    Args:
        expected: a phrase for error messages.
        read: from the TOML value; raises Unreadable.
        write: to the TOML value that `read` turns back.
    """

    expected: str
    read: Callable[[object], object]
    write: Callable[[Any], object]


def read_duration(value: object) -> float:
    """Seconds of "90s", "15m", "1h", "7d", or of a plain number of seconds."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _as_float(value)
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise Unreadable("write a number and a unit (s, m, h or d) in quotes")
    return float(match[1]) * _SECONDS[match[2]]


def write_duration(seconds: float) -> object:
    """The largest unit that divides it; a number of seconds where none does."""
    if seconds != int(seconds):
        return seconds
    unit = next(unit for unit, size in _SECONDS.items() if seconds % size == 0)
    return f"{int(seconds) // _SECONDS[unit]}{unit}"


def read_rate(value: object) -> int:
    """Bytes per second of "200MB/s", "1.5 GiB/s"."""
    match = _RATE.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise Unreadable("write a number and a unit (kB/s, MB/s, MiB/s, GB/s or GiB/s) in quotes")
    return int(float(match[1]) * _BYTES.get(match[2], 1))


def write_rate(bytes_per_s: int) -> str:
    """The largest decimal unit that divides it."""
    unit = next((unit for unit in ("T", "G", "M", "k") if bytes_per_s % _BYTES[unit] == 0), "")
    return f"{bytes_per_s // _BYTES.get(unit, 1)}{unit}B/s"


def read_hours(value: object) -> tuple[str, ...]:
    """Spans of the day such as "22:00-07:00", written alike; together they leave some time."""
    if not isinstance(value, list):
        raise Unreadable('write a list, such as ["22:00-07:00"]')
    try:
        spans = [quiet_hours.parse(item) for item in value]
    except (TypeError, ValueError) as error:
        raise Unreadable('write each as "HH:MM-HH:MM", from 00:00 to 23:59, with an end that differs from the begin') from error
    if len(quiet_hours.quiet_minutes(spans)) == quiet_hours.DAY_MINUTES:
        raise Unreadable("leave some time of the day: sweeps would never read; `healthctl sweep pause` stops them")
    return tuple(map(str, spans))


def read_path(value: object) -> str:
    """An absolute path without needless slashes and dots."""
    if not isinstance(value, str):
        raise Unreadable("write the path in quotes")
    if value.startswith("~"):
        raise Unreadable("write the whole path: ~ is not expanded here")
    if not value.startswith("/"):
        raise Unreadable("write the whole path, from / on")
    if ".." in value.split("/"):
        raise Unreadable("write the path without ..")
    if "\0" in value:
        raise Unreadable("remove the NUL character")
    return "/" + posixpath.normpath(value).lstrip("/")


def _as_float(value: float) -> float:
    try:
        return float(value)
    except OverflowError as error:
        raise Unreadable("write a smaller number") from error


QUANTITIES: dict[str, Quantity] = {
    "duration": Quantity('a duration such as "90s", "15m", "1h" or "7d"', read_duration, write_duration),
    "rate": Quantity('a rate such as "200MB/s"', read_rate, write_rate),
    "hours of the day": Quantity('a list of local times of day such as ["22:00-07:00"]', read_hours, tuple),
    "path": Quantity('an absolute path such as "/srv/models"', read_path, str),
}
