"""Request bodies and query strings of the control API."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from wan_healthd.domain.process import LogLevel


class CheckRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """`POST /v1/models/{id}/check`. `full` reads every byte, also of files that did not change."""

    full: bool = False


class EventsQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """`GET /v1/events?since=…`: events after number `since`, or after `since_time` (RFC 3339).

    `wait_s` holds the answer back until there is an event (long poll).
    """

    since: Annotated[int, Meta(ge=0, le=2**62)] | None = None
    since_time: Annotated[datetime, Meta(tz=True)] | None = None
    limit: Annotated[int, Meta(ge=1, le=1000)] = 500
    wait_s: Annotated[float, Meta(ge=0, le=60)] = 0.0


class TrustRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """`POST /v1/models/{id}/trust`. `files` are paths as the files list shows them; empty means all of the model's."""

    files: tuple[Annotated[str, Meta(max_length=8192)], ...] = ()
    reason: Annotated[str, Meta(max_length=1000)] = ""


class SweepRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """`POST /v1/sweeps`. `full` reads every byte; otherwise what is new or changed."""

    full: bool = False


class PauseRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """`POST /v1/sweeps/pause`."""

    reason: Annotated[str, Meta(max_length=1000)] = ""


class AlertsQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """`GET /v1/alerts`: at most `limit` that are open, and as many that ended."""

    limit: Annotated[int, Meta(ge=1, le=1000)] = 200


class AlertTestRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """`POST /v1/alerts/test`. Without a `kind`, one of each class."""

    kind: Annotated[str, Meta(max_length=100)] | None = None


class LogLevelRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """`POST /v1/log-level`."""

    level: LogLevel
