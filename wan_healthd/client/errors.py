"""Why a request failed, in the same shape as the daemon's own errors but without their imports."""

from __future__ import annotations


class ClientError(Exception):
    """What was asked for was not done.

    `code` is stable; `cli.exits` maps it to an exit status. `message` starts with "cannot", `suggestion` says what to do.
    """

    def __init__(self, code: str, message: str, suggestion: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.suggestion = suggestion


class DaemonUnreachable(ClientError):
    """Nobody answers."""

    def __init__(self, message: str, suggestion: str) -> None:
        super().__init__("daemon-unreachable", message, suggestion)


class SocketForbidden(ClientError):
    """Somebody may answer, but not us."""

    def __init__(self, message: str, suggestion: str) -> None:
        super().__init__("socket-forbidden", message, suggestion)


class AnswerNotUnderstood(ClientError):
    """What came back is not what the API promises."""

    def __init__(self, cause: str) -> None:
        super().__init__(
            "answer-not-understood",
            f"cannot understand the answer: {cause}",
            "compare `healthctl version` with the daemon's; is it wan-healthd's socket at all?",
        )


class Refused(ClientError):
    """The daemon answered with an error of its own; code, message and suggestion are the daemon's."""
