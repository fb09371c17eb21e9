"""Events in order, over restarts of the daemon, none missed in silence and none told twice."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import pairwise

from msgspec import Struct

from wan_healthd.client import questions
from wan_healthd.client.errors import AnswerNotUnderstood, DaemonUnreachable, EventsMissed, Refused
from wan_healthd.client.scripts import Rest, Script
from wan_healthd.wire.answers import EventsAnswer
from wan_healthd.wire.requests import EventsQuery

PAGE = 500
LONG_POLL_S = 30.0
PATIENCE_S = 60.0
PAUSE_S = 1.0
FIRST_RETRY_S = 0.1
PASSING = frozenset({"too-many-connections"})

OnMissed = Callable[[EventsMissed], object]


class Following(Struct, frozen=True):
    """How to follow.

    Args:
        since: events after this number; 0: all that are kept.
        stream: of the event with that number; None if it is not known, then the daemon's present one is taken for it.
        ends: whether to end with the last event that there is, instead of waiting for more.
        on_missed: called where events cannot be told any more, before it goes on with those that are left; None: raise.
        patience_s: how long a daemon may be unreachable.
    """

    since: int = 0
    stream: str | None = None
    ends: bool = False
    on_missed: OnMissed | None = None
    patience_s: float = PATIENCE_S


def follow(how: Following) -> Script[None]:
    """Hand out events by long polls.

    Raises:
        EventsMissed: some are gone, and nobody is to be told otherwise.
        DaemonUnreachable: for longer than its patience.
    """
    since, stream = how.since, how.stream
    wait_s = 0.0  # the first look, and the one after a failure, tell at once whether the history is still the same
    while True:
        began = time.monotonic()
        page = yield from _page(EventsQuery(since=since, limit=PAGE, wait_s=wait_s), how.patience_s)
        missed = _missed(page, since, stream)
        if missed is not None:
            _tell(missed, how.on_missed)
        if missed is not None and missed.is_new_stream:
            since, stream, wait_s = 0, page.stream, 0.0
            yield Rest(PAUSE_S)  # a daemon with ever new histories must not keep us busy
            continue
        stream = page.stream
        _examine(page, since)
        yield from page.events
        if page.events:
            since = page.events[-1].seq
        elif how.ends:
            return
        elif wait_s and time.monotonic() - began < PAUSE_S:
            yield Rest(PAUSE_S)  # it did not wait: it is about to stop
        wait_s = 0.0 if how.ends else LONG_POLL_S


def _page(query: EventsQuery, patience_s: float) -> Script[EventsAnswer]:
    """A page, from whichever daemon answers in time. After a failure it is asked for without waiting for news."""
    deadline, retry_s = time.monotonic() + patience_s + query.wait_s, FIRST_RETRY_S
    page: EventsAnswer | None = None
    while page is None:
        try:
            page = yield questions.list_events(query)
        except (DaemonUnreachable, Refused) as error:
            if not _passes(error) or time.monotonic() > deadline:
                raise
            yield Rest(retry_s)
            retry_s = min(PAUSE_S, retry_s * 2)
            query = EventsQuery(since=query.since, limit=query.limit)
    return page


def _passes(error: DaemonUnreachable | Refused) -> bool:
    return isinstance(error, DaemonUnreachable) or error.code in PASSING


def _missed(page: EventsAnswer, since: int, stream: str | None) -> EventsMissed | None:
    """What happened between `since` and the page; whoever asks from 0 wants what there is."""
    if stream is not None and page.stream != stream:
        return EventsMissed(page.stream, page.first_event, is_new_stream=True)
    if 0 < since < page.first_event - 1:
        return EventsMissed(page.stream, page.first_event, is_new_stream=False)
    return None


def _tell(missed: EventsMissed, on_missed: OnMissed | None) -> None:
    if on_missed is None:
        raise missed
    on_missed(missed)


def _examine(page: EventsAnswer, since: int) -> None:
    """Numbers must rise, or we would tell events twice, or ask for ever."""
    numbers = [since, *(event.seq for event in page.events)]
    if any(later <= earlier for earlier, later in pairwise(numbers)):
        raise AnswerNotUnderstood("the numbers of the events do not rise")
