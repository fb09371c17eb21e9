"""Why a request failed, in the same shape as the daemon's own errors but without their imports."""

from __future__ import annotations


class ClientError(Exception):
    """What was asked for was not done.

    `code` is stable; `cli.exits` maps it to an exit status. `message` starts with "cannot", `suggestion` says what to do.
    `category` is one of the API's.
    """

    def __init__(self, code: str, message: str, suggestion: str = "", category: str = "system") -> None:
        super().__init__(message)
        self.code = code
        self.category = category
        self.message = message
        self.suggestion = suggestion

    def plain(self) -> dict[str, str]:
        """As the API's JSON tells of an error."""
        return {"code": self.code, "category": self.category, "message": self.message, "suggestion": self.suggestion}


class DaemonUnreachable(ClientError):
    """Nobody answers."""

    def __init__(self, message: str, suggestion: str) -> None:
        super().__init__("daemon-unreachable", message, suggestion)


class DaemonBusy(DaemonUnreachable):
    """Too many wait to be let in."""


class ConnectionLost(DaemonUnreachable):
    """The daemon hung up before it had answered, as one that is stopped does."""

    def __init__(self, cause: str) -> None:
        super().__init__(
            f"cannot reach wan-healthd: {cause}", "try again; was it stopped just now? `systemctl status wan-healthd`"
        )


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


class WaitedTooLong(ClientError):
    """The daemon answers, but what was waited for did not come in time; it goes on."""

    def __init__(self, message: str, suggestion: str) -> None:
        super().__init__("waited-too-long", message, suggestion)


class CheckLost(ClientError):
    """A check that was begun has no result, and never will: the daemon was restarted, or stops."""

    def __init__(self, cause: str) -> None:
        super().__init__("check-lost", f"cannot follow the check: {cause}", "was the daemon restarted? check again")


class EventsMissed(ClientError):
    """Events before this point cannot be told one by one any more.

    Args:
        stream: of the events that follow.
        first_event: number of the first that is left.
        is_new_stream: the daemon has begun a new history (its state was rebuilt, or restored from a copy): numbers begin anew,
            and a restored history tells again what the copy had. Else the events became counts, since nobody asked in time.
    """

    def __init__(self, stream: str, first_event: int, *, is_new_stream: bool) -> None:
        cause = "the daemon has begun a new history" if is_new_stream else f"those before number {first_event} are counts only"
        super().__init__("events-missed", f"cannot tell all events: {cause}", "ask for the present state, then go on from here")
        self.stream = stream
        self.first_event = first_event
        self.is_new_stream = is_new_stream


class VersionMismatch(UserWarning):
    """The daemon is of another version than this client."""
