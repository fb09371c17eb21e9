"""What takes more than one question, as scripts that do no I/O: they say what to do next, and are told what came of it.

One script serves both clients: the one asks and sleeps by blocking, the other by awaiting.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Generic, TypeVar

from msgspec import Struct

from wan_healthd.client.errors import ClientError
from wan_healthd.client.questions import Question
from wan_healthd.domain.events import Event

T = TypeVar("T")


class Rest(Struct, frozen=True):
    """Do nothing for so many seconds."""

    seconds: float


Step = Question[Any] | Rest | Event
"""Ask this, and send the answer or throw the ClientError; or wait; or hand this event out."""

Script = Generator[Step, Any, T]


class Performance(Generic[T]):
    """A script under way. `step` is what it wants done, None at its end; then `result` holds what it returned.

    Whatever the script raises comes out of the call that moved it.
    """

    result: T

    def __init__(self, script: Script[T]) -> None:
        self._script = script
        self.step: Step | None = None
        self.go_on()

    def go_on(self, answer: object = None) -> None:
        """The step is done; `answer` is what a question got."""
        try:
            self.step = self._script.send(answer)
        except StopIteration as end:
            self.step, self.result = None, end.value

    def fail(self, error: ClientError) -> None:
        """The question got no answer; the script decides what that means."""
        try:
            self.step = self._script.throw(error)
        except StopIteration as end:
            self.step, self.result = None, end.value
