"""From the bytes of an answer to the struct that was asked for, or to the error that it tells of."""

from __future__ import annotations

import warnings
from typing import TypeVar

import msgspec

from wan_healthd.client.errors import AnswerNotUnderstood, Refused, VersionMismatch
from wan_healthd.client.http import HttpAnswer
from wan_healthd.client.product import FIRST_ERROR, version_of
from wan_healthd.client.questions import Question
from wan_healthd.domain.paths import printable, printable_lines
from wan_healthd.version import __version__
from wan_healthd.wire.answers import ErrorAnswer

T = TypeVar("T")


def understand(question: Question[T], answer: HttpAnswer) -> T:
    """What the daemon says. Keys that this version does not know are passed over.

    Raises:
        Refused: an error of the daemon's own; its words are made printable.
        AnswerNotUnderstood: another shape than the question's.
    """
    if answer.status >= FIRST_ERROR:
        error = _decoded(answer.body, ErrorAnswer).error
        raise Refused(printable(error.code), printable_lines(error.message), printable(error.suggestion))
    return _decoded(answer.body, question.answer)


class VersionWatch:
    """Remembers the daemon's version; warns each time that it turns into one that is not ours."""

    def __init__(self) -> None:
        self.version: str | None = None

    def look(self, answer: HttpAnswer) -> None:
        """Take the version from an answer; raises AnswerNotUnderstood where it is not from wan-healthd."""
        version = version_of(answer)
        if version not in (self.version, __version__):
            text = f"the daemon is wan-healthd {version}, this client is {__version__}: restart or upgrade the older one"
            warnings.warn(text, VersionMismatch, stacklevel=2)
        self.version = version


def _decoded(body: bytes, shape: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise AnswerNotUnderstood(printable(str(error)[:300])) from None
