"""What keeps the hub from answering: causes and cures, for people. Pure."""

from __future__ import annotations

from wan_healthd.domain.errors import HubUnreachable
from wan_healthd.domain.paths import printable
from wan_healthd.domain.source_ref import SourceRef

OK = 200
MOVED = frozenset({301, 302, 303, 307, 308})
TRANSIENT = frozenset({408, 429})
UNAUTHORIZED, FORBIDDEN, NOT_FOUND = 401, 403, 404
FIRST_SERVER_ERROR = 500

LATER = "nothing needs to be done: it is asked again by itself; look at the network, a proxy or HF_ENDPOINT if it stays so"
STATE_ANOTHER = "correct `source` of the model in the configuration"
AS_SOMEBODY = "if it is private, give the daemon the HF_TOKEN of somebody who may read it; else correct `source` of the model"
ACCEPT = "accept its conditions on the hub, and give the daemon the HF_TOKEN of whoever did"
NO_HUB = "look at HF_ENDPOINT: what answers there does not speak as the hub does"


class Trouble(Exception):
    """An answer failed to come, or is no answer; `cause` is a clause without a subject.

    Args:
        passes: it may be gone with the next try.
        pause_s: how long the hub asks us to wait before that; None where it does not say.
    """

    def __init__(self, cause: str, cure: str = LATER, *, passes: bool = False, pause_s: float | None = None) -> None:
        super().__init__(cause)
        self.cause = cause
        self.cure = cure
        self.passes = passes
        self.pause_s = pause_s

    def error(self, ref: SourceRef, host: str) -> HubUnreachable:
        """The error that is told."""
        return HubUnreachable(f"cannot look up {ref} on {host}: {printable(self.cause)}", self.cure)


def of_status(status: int, code: str, retry_after: str) -> Trouble:
    """The trouble that an answer of this status tells; `code` is its X-Error-Code, `retry_after` its Retry-After."""
    if status in TRANSIENT or status >= FIRST_SERVER_ERROR:
        return Trouble(f"it answers {status}", passes=True, pause_s=seconds(retry_after))
    if code == "GatedRepo":
        return Trouble("the repository is gated, and this daemon may not read it", ACCEPT)
    if code == "RevisionNotFound":
        return Trouble("the repository has no such revision", STATE_ANOTHER)
    if status in (UNAUTHORIZED, NOT_FOUND):  # the hub hides from strangers whether a private repository exists
        return Trouble("there is no such repository, or it is private", AS_SOMEBODY)
    if status == FORBIDDEN:
        return Trouble("it refuses to show the repository to this daemon", AS_SOMEBODY)
    return Trouble(f"it answers {status}", NO_HUB)


def seconds(retry_after: str) -> float | None:
    """A Retry-After in seconds (RFC 9110, section 10.2.3); None where it is a date or nothing."""
    text = retry_after.strip()
    return float(text) if text.isascii() and text.isdigit() and len(text) <= 6 else None  # noqa: PLR2004 - eleven days
