"""Taking pulses: of what gets on, of what idles, of what hangs; and by a clock that stood still."""

from __future__ import annotations

import asyncio

from tests.fakes.clock import FakeClock
from wan_healthd.services.crew import Crew
from wan_healthd.services.liveness import LONGEST_STEP_S, Liveness, Loop, RoundTrip


class Mark:
    """A loop that the test moves on."""

    def __init__(self) -> None:
        self.value: int | None = 0

    def __call__(self) -> int | None:
        return self.value


def silences(liveness: Liveness, clock: FakeClock, steps: int = 1, step_s: float = 10.0) -> list[float]:
    found = []
    for _ in range(steps):
        clock.advance(step_s)
        found.append(liveness.look()[0].silent_s)
    return found


def test_silence_is_counted_from_the_last_time_it_got_on() -> None:
    clock, mark = FakeClock(), Mark()
    liveness = Liveness([Loop("one", 60.0, mark)], clock)
    assert silences(liveness, clock, 3) == [0.0, 10.0, 20.0]
    mark.value = 1
    assert silences(liveness, clock, 2) == [0.0, 10.0]


def test_what_has_nothing_to_do_is_not_silent() -> None:
    clock, mark = FakeClock(), Mark()
    liveness = Liveness([Loop("one", 60.0, mark)], clock)
    mark.value = None
    assert silences(liveness, clock, 3) == [0.0] * 3
    mark.value = 1
    assert silences(liveness, clock, 2) == [0.0, 10.0]


def test_while_we_stood_still_ourselves_nobody_could_get_on() -> None:
    clock, mark = FakeClock(), Mark()
    liveness = Liveness([Loop("one", 60.0, mark)], clock)
    assert silences(liveness, clock) == [0.0]
    assert silences(liveness, clock, step_s=3600.0) == [LONGEST_STEP_S]


def test_a_round_trip_is_one_at_a_time_and_counts_when_it_ends() -> None:
    async def scenario() -> None:
        begun, may_end = 0, asyncio.Event()

        async def call() -> None:
            nonlocal begun
            begun += 1
            await may_end.wait()

        async with Crew() as crew:
            trip = RoundTrip(call, crew)
            for _ in range(3):
                assert trip() == 0
                await asyncio.sleep(0)
            assert begun == 1
            may_end.set()
            while trip() == 0:
                await asyncio.sleep(0)

    asyncio.run(scenario())
