"""Why the API itself refuses a request, before or beside the facade, and the shape in which every error leaves."""

from __future__ import annotations

from wan_healthd.domain.errors import HealthdError
from wan_healthd.wire.answers import ErrorAnswer, ErrorBody

LONGEST_TEXT = 1000
"""Characters of a message or suggestion that may quote what the client sent."""


class ForeignRequest(HealthdError):
    """The request looks as if a web page had sent it."""

    code = "foreign-request"


class UnknownPath(HealthdError):
    """No route has that path."""

    code = "unknown-path"


class WrongMethod(HealthdError):
    """The path exists, the method does not. `allowed` names those that do."""

    code = "wrong-method"

    def __init__(self, message: str, suggestion: str, allowed: tuple[str, ...]) -> None:
        super().__init__(message, suggestion)
        self.allowed = allowed


class BodyTooLarge(HealthdError):
    """The body is over the limit."""

    code = "body-too-large"


class RequestTooSlow(HealthdError):
    """The body did not arrive in time."""

    code = "request-too-slow"


class TooManyConnections(HealthdError):
    """The daemon, or this user, holds as many connections as it may."""

    code = "too-many-connections"


class TooMuchUnread(HealthdError):
    """Answers that their clients do not take fill the room that there is for them."""

    code = "too-much-unread"


class InternalError(HealthdError):
    """A fault of ours. The client learns that there is one, the log learns which."""

    def __init__(self) -> None:
        super().__init__(
            "cannot answer: wan-healthd met an error of its own",
            "look for request-failed in its log (`journalctl -u wan-healthd`) and report it",
        )


def error_answer(error: HealthdError) -> ErrorAnswer:
    """The contract's error shape; texts are bounded, and surrogates, which JSON cannot carry, become `?`."""
    return ErrorAnswer(ErrorBody(error.code, error.category, _sendable(error.message), _sendable(error.suggestion)))


def _sendable(text: str) -> str:
    return text[:LONGEST_TEXT].encode("utf-8", "replace").decode("utf-8")
