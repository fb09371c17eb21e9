"""The one table from error code to HTTP status. A code that is not in it is a fault of ours: 500."""

from __future__ import annotations

from types import MappingProxyType

INTERNAL = 500

STATUS_BY_CODE = MappingProxyType(
    {
        "invalid-request": 400,
        "foreign-request": 403,
        "not-permitted": 403,
        "model-not-found": 404,
        "file-not-found": 404,
        "job-not-found": 404,
        "alert-not-found": 404,
        "generation-not-found": 404,
        "unknown-path": 404,
        "wrong-method": 405,
        "request-too-slow": 408,
        "too-many-generations": 409,
        "body-too-large": 413,
        "config-invalid": 422,
        "internal-error": INTERNAL,
        "no-daemon": 501,
        "hub-unreachable": 503,
        "root-unreachable": 503,
        "state-in-use": 503,
        "store-unusable": 503,
        "state-damaged": 503,
        "too-many-connections": 503,
        "too-much-unread": 503,
        "worker-failed": 503,
        "worker-refused": 503,
    }
)


def status_of(code: str) -> int:
    """The HTTP status that fits an error code."""
    return STATUS_BY_CODE.get(code, INTERNAL)
