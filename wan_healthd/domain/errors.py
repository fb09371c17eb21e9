"""Errors for people: a kebab-case code, "cannot …", the cause, and what to do."""

from __future__ import annotations

from wan_healthd.domain.findings import Category


class HealthdError(Exception):
    """We could not do what was asked.

    Args:
        message: one line that starts with "cannot" and names the cause.
        suggestion: what the reader can do about it.

    `code` is stable: one table maps it to an HTTP status (`api.statuses`), one to an exit status (`cli.exits`).
    """

    code = "internal-error"
    category = Category.SYSTEM

    def __init__(self, message: str, suggestion: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.suggestion = suggestion


class ModelNotFound(HealthdError):
    """No model has that id."""

    code = "model-not-found"


class FileNotKnown(HealthdError):
    """The model has no such file."""

    code = "file-not-found"


class JobNotFound(HealthdError):
    """No job has that number."""

    code = "job-not-found"


class AlertNotFound(HealthdError):
    """No alert of that number is open."""

    code = "alert-not-found"


class GenerationNotFound(HealthdError):
    """No generation of that number was announced, or it ended and cannot be renewed."""

    code = "generation-not-found"


class TooManyGenerations(HealthdError):
    """So many announced generations are open already, of all users or of this one."""

    code = "too-many-generations"


class InvalidRequest(HealthdError):
    """The request's fields are wrong."""

    code = "invalid-request"


class NoDaemon(HealthdError):
    """What only a daemon can do was asked of a monitor inside another program."""

    code = "no-daemon"


class NotPermitted(HealthdError):
    """The caller may read but not act."""

    code = "not-permitted"


class ConfigInvalid(HealthdError):
    """The configuration has errors; the message holds all of them, one a line."""

    code = "config-invalid"


class RootUnreachable(HealthdError):
    """A root cannot be listed."""

    code = "root-unreachable"
    category = Category.STORAGE


class StoreUnusable(HealthdError):
    """The state database cannot be opened or written."""

    code = "store-unusable"
    category = Category.STORAGE


class StateInUse(StoreUnusable):
    """Another daemon works on the same state."""

    code = "state-in-use"


class StateDamaged(StoreUnusable):
    """The state database is not what was written to it: `fault` says how. Only a good copy, or beginning anew, helps."""

    code = "state-damaged"

    def __init__(self, message: str, suggestion: str = "", fault: str = "") -> None:
        super().__init__(message, suggestion)
        self.fault = fault


class WorkerFailed(HealthdError):
    """The digest worker ended or answered nonsense while it had this job."""

    code = "worker-failed"


class HubUnreachable(HealthdError):
    """The hub could not tell what a repository holds."""

    code = "hub-unreachable"
    category = Category.NETWORK


class WorkerRefused(HealthdError):
    """The digest worker could not examine the file: the system refused, with `errno_name`."""

    code = "worker-refused"

    def __init__(self, message: str, errno_name: str) -> None:
        super().__init__(message)
        self.errno_name = errno_name
