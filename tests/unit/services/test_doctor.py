"""The doctor: a probe that hangs is told as such, keeps nobody waiting, and is not made again."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.workshop import Workshop
from tests.unit.services.scenario import play
from wan_healthd.domain.doctor import Diagnosis, Standing
from wan_healthd.domain.hub import HubAccess
from wan_healthd.domain.vitals import HubReach, RootFacts
from wan_healthd.domain.watching import RootWatch, WatchMode
from wan_healthd.host.clock import SystemClock
from wan_healthd.host.gpu_use import GpuUse
from wan_healthd.host.probes.system import SystemProbes
from wan_healthd.services.doctor import Doctor, Surroundings

DEAD, FINE = b"/dead", b"/fine"


class HangingProbes(SystemProbes):
    """One root hangs until it is let go."""

    def __init__(self) -> None:
        super().__init__(GpuUse(SystemClock()))
        self.let_go = threading.Event()
        self.asked: list[bytes] = []

    def root(self, path: bytes) -> RootFacts:
        self.asked.append(path)
        if path == DEAD:
            self.let_go.wait(30)
        return RootFacts(path, files=1)


@pytest.fixture
def probes() -> Iterator[HangingProbes]:
    made = HangingProbes()
    yield made
    made.let_go.set()


async def reach(access: HubAccess) -> HubReach:
    return HubReach("hub.example.org")


def of_roots(found: tuple[Diagnosis, ...]) -> dict[str, Standing]:
    return {item.subject: item.verdict for item in found if item.check == "root"}


def doctor(shop: Workshop, probes: HangingProbes, *, hub: HubAccess | None = None, state: bytes | None = None) -> Doctor:
    return Doctor(
        probes=probes,
        threads=shop.threads,
        clock=shop.clock,
        database=shop.database,
        reports=lambda: [(RootWatch(root, folders=1), WatchMode.AUTO, ()) for root in (DEAD, FINE)],
        surroundings=Surroundings(state, hub, lambda: (None, None, None), lambda: (), reach, 300.0),
        crew=shop.crew,
        limit_s=1.0,
    )


def test_a_dead_mount_keeps_no_answer_waiting_and_is_asked_once(tmp_path: Path, probes: HangingProbes) -> None:
    async def scenario(shop: Workshop) -> None:
        asked = doctor(shop, probes)
        one, other = await asyncio.gather(asked.examine(network=False), asked.examine(network=False))
        assert one is other, "who asks at the same time gets the same answer"
        assert of_roots(one) == {"/dead": Standing.PROBLEM, "/fine": Standing.OK}
        (dead,) = [item for item in one if item.subject == "/dead"]
        assert "no answer within 1 s" in dead.found
        assert [item.subject for item in one if item.check == "watching"] == ["/fine"]
        await asked.examine(network=False)
        assert probes.asked.count(DEAD) == 1, "no further thread hangs there"
        probes.let_go.set()
        while of_roots(await asked.examine(network=False))["/dead"] is not Standing.OK:
            await asyncio.sleep(0.01)

    play(tmp_path, scenario)


def test_the_network_is_touched_only_on_demand(tmp_path: Path, probes: HangingProbes) -> None:
    async def scenario(shop: Workshop) -> None:
        probes.let_go.set()
        for hub, network, verdict in (
            (None, True, Standing.NOT_APPLICABLE),
            (HubAccess(), False, Standing.NOT_APPLICABLE),
            (HubAccess(is_offline=True), True, Standing.NOT_APPLICABLE),
            (HubAccess(), True, Standing.OK),
        ):
            found = await doctor(shop, probes, hub=hub).examine(network=network)
            assert [item.verdict for item in found if item.check == "hub"] == [verdict]

    play(tmp_path, scenario)


def test_a_state_that_is_gone_from_below_us_is_told(tmp_path: Path, probes: HangingProbes) -> None:
    async def scenario(shop: Workshop) -> None:
        probes.let_go.set()
        found = await doctor(shop, probes, state=b"/nowhere/state.db").examine(network=False)
        (gone,) = [item for item in found if item.check == "state"]
        assert gone.verdict is Standing.PROBLEM

    play(tmp_path, scenario)
