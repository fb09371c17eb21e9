"""The one table of exit statuses (contract: "Exit status")."""

from __future__ import annotations

from types import MappingProxyType

HEALTHY = 0
UNHEALTHY = 1
USAGE = 2
UNREACHABLE = 3
FORBIDDEN = 4
NOT_FOUND = 5
FAILED = 6
NOT_EXECUTABLE, NO_COMMAND = 126, 127
"""Of a command that we run for somebody, as shells and env(1) have them."""
INTERRUPTED = 130
"""128 + SIGINT, as shells count."""
BROKEN_PIPE = 141
"""128 + SIGPIPE: whoever read our output has gone."""

MEANINGS = MappingProxyType(
    {
        HEALTHY: "done and healthy",
        UNHEALTHY: "something is unhealthy or unknown",
        USAGE: "usage or configuration",
        UNREACHABLE: "the daemon cannot be reached",
        FORBIDDEN: "not permitted",
        NOT_FOUND: "no such model, file, job, alert or generation",
        FAILED: "failed",
        NOT_EXECUTABLE: "the command that `generation run` was given cannot be run",
        NO_COMMAND: "there is no such command",
        INTERRUPTED: "interrupted by Ctrl-C",
        BROKEN_PIPE: "whoever read the output has gone",
    }
)

EXIT_BY_CODE = MappingProxyType(
    {
        "invalid-request": USAGE,
        "config-invalid": USAGE,
        "needs-confirmation": USAGE,
        "daemon-unreachable": UNREACHABLE,
        "root-unreachable": UNREACHABLE,
        "not-permitted": FORBIDDEN,
        "socket-forbidden": FORBIDDEN,
        "model-not-found": NOT_FOUND,
        "file-not-found": NOT_FOUND,
        "job-not-found": NOT_FOUND,
        "alert-not-found": NOT_FOUND,
        "generation-not-found": NOT_FOUND,
        "command-not-executable": NOT_EXECUTABLE,
        "command-not-found": NO_COMMAND,
    }
)


def exit_of(code: str) -> int:
    """The exit status for an error's code; 6 for every code that has none of its own."""
    return EXIT_BY_CODE.get(code, FAILED)


def health(status: str) -> int:
    """The exit status for a health status: 0 for "healthy" alone. "unknown" is not healthy: nobody knows."""
    return HEALTHY if status == "healthy" else UNHEALTHY
