"""A generation announced around the work itself, so that sweeps make way for it. Whatever goes wrong here, the work goes on."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any

from wan_healthd.client import questions
from wan_healthd.client.errors import ClientError, VersionMismatch
from wan_healthd.client.questions import Question
from wan_healthd.domain.generations import USUAL_S
from wan_healthd.wire.generations import GenerationAnswer, GenerationStart

ANNOUNCE_S = 3.0
"""For each answer: a daemon that hangs must not hold up who only wants to be polite."""

UNTOLD = (ClientError, VersionMismatch, UnicodeEncodeError)
"""Nobody answers, or says no; warnings are errors; a name is not Unicode: all no reason to generate nothing."""

_log = logging.getLogger("wan_healthd.client")


class Generating:
    """What `HealthClient.generating` returns: announces on entering, ends on leaving, also by an exception, and raises nothing.

    Where the daemon cannot be told, that is a warning in the log of `wan_healthd.client`. `number` is None outside, and where
    nobody was told.
    """

    def __init__(self, ask: Callable[[Question[Any]], Any], start: GenerationStart) -> None:
        self._ask = ask
        self._start = start
        self.number: int | None = None

    def __enter__(self) -> Generating:
        try:
            self.number = _number(self._ask(questions.start_generation(self._start)))
        except UNTOLD as error:
            _warn("announced", error)
        return self

    def renew(self, expires_in_s: float = USUAL_S) -> None:
        """It takes longer: expire so long from now."""
        if self.number is not None:
            try:
                self._ask(questions.renew_generation(self.number, expires_in_s))
            except UNTOLD as error:
                _warn("renewed", error)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None) -> None:
        number, self.number = self.number, None
        if number is not None:
            try:
                self._ask(questions.end_generation(number))
            except UNTOLD as refusal:
                _warn("ended", refusal)


class AsyncGenerating:
    """What `AsyncHealthClient.generating` returns: as `Generating`, for `async with`.

    Where the task is cancelled once more while the end is told, the announcement expires by itself.
    """

    def __init__(self, ask: Callable[[Question[Any]], Awaitable[Any]], start: GenerationStart) -> None:
        self._ask = ask
        self._start = start
        self.number: int | None = None

    async def __aenter__(self) -> AsyncGenerating:
        try:
            self.number = _number(await self._ask(questions.start_generation(self._start)))
        except UNTOLD as error:
            _warn("announced", error)
        return self

    async def renew(self, expires_in_s: float = USUAL_S) -> None:
        """It takes longer: expire so long from now."""
        if self.number is not None:
            try:
                await self._ask(questions.renew_generation(self.number, expires_in_s))
            except UNTOLD as error:
                _warn("renewed", error)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        number, self.number = self.number, None
        if number is not None:
            try:
                await self._ask(questions.end_generation(number))
            except UNTOLD as refusal:
                _warn("ended", refusal)


def _number(answer: GenerationAnswer) -> int:
    return answer.generation.id


def _warn(act: str, error: Exception) -> None:
    _log.warning("the generation is not %s, and goes on: %s", act, error)
