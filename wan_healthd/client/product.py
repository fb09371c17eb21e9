"""Whether it is wan-healthd that answered."""

from __future__ import annotations

from wan_healthd.client.errors import AnswerNotUnderstood
from wan_healthd.client.http import HttpAnswer
from wan_healthd.domain.paths import printable

FIRST_ERROR = 400
"""The lowest HTTP status of an answer that refuses."""

_PRODUCT = "wan-healthd/"


def version_of(answer: HttpAnswer) -> str:
    """The version of the daemon that gave the answer.

    Raises:
        AnswerNotUnderstood: it comes from something else.
    """
    server = answer.headers.get("server", "")
    if not server.startswith(_PRODUCT):
        raise AnswerNotUnderstood("it does not come from wan-healthd")
    return printable(server.removeprefix(_PRODUCT))
