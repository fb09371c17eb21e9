"""The socket's other end: the small client behind `healthctl`, and the typed clients for programs.

For programs: `from wan_healthd.client import HealthClient, AsyncHealthClient`; both are thin, and share `questions` (what is
asked), `understanding` (what is answered) and scripts (`checking`, `following`) that do no I/O.

For `healthctl`: `daemon` and `document`. Starting it must cost next to nothing, so they, `connection`, `http`, `discovery`,
`diagnose` and `errors` import only the standard library and `domain.paths`: msgspec alone takes 30 ms. That is why the names
below are looked up lazily (PEP 562).

Never here: printing, aiohttp, anything of the server's. Imported by cli, and by the daemon for `discovery`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wan_healthd.client.asynchronous import AsyncHealthClient
    from wan_healthd.client.blocking import HealthClient
    from wan_healthd.client.errors import (
        AnswerNotUnderstood,
        CheckLost,
        ClientError,
        DaemonUnreachable,
        EventsMissed,
        Refused,
        SocketForbidden,
        VersionMismatch,
        WaitedTooLong,
    )

_HOMES = {
    "AnswerNotUnderstood": "errors",
    "AsyncHealthClient": "asynchronous",
    "CheckLost": "errors",
    "ClientError": "errors",
    "DaemonUnreachable": "errors",
    "EventsMissed": "errors",
    "HealthClient": "blocking",
    "Refused": "errors",
    "SocketForbidden": "errors",
    "VersionMismatch": "errors",
    "WaitedTooLong": "errors",
}

__all__ = [
    "AnswerNotUnderstood",
    "AsyncHealthClient",
    "CheckLost",
    "ClientError",
    "DaemonUnreachable",
    "EventsMissed",
    "HealthClient",
    "Refused",
    "SocketForbidden",
    "VersionMismatch",
    "WaitedTooLong",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"wan_healthd.client.{_HOMES[name]}"), name)
