from __future__ import annotations

import asyncio

from wan_healthd.digest.admission import Admission


def test_one_is_alone_and_the_others_wait_their_turn() -> None:
    trace: list[str] = []

    async def visit(admission: Admission, name: str, *, alone: bool, steps: int) -> None:
        async with admission.alone() if alone else admission.together():
            trace.append(f"{name} in")
            for _ in range(steps):
                await asyncio.sleep(0)
            trace.append(f"{name} out")

    async def main() -> None:
        admission = Admission()
        await asyncio.gather(
            visit(admission, "a", alone=False, steps=9),
            visit(admission, "b", alone=False, steps=3),
            visit(admission, "c", alone=True, steps=3),
            visit(admission, "d", alone=False, steps=3),
            visit(admission, "e", alone=True, steps=3),
        )

    asyncio.run(main())
    assert trace == ["a in", "b in", "b out", "a out", "c in", "c out", "d in", "d out", "e in", "e out"]


def test_giving_up_leaves_the_door_open() -> None:
    async def main() -> None:
        admission = Admission()
        async with admission.together():
            waiting = asyncio.create_task(_enter(admission))
            await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
            async with admission.together():
                pass
        await asyncio.wait_for(_enter(admission), 1)

    async def _enter(admission: Admission) -> None:
        async with admission.alone():
            pass

    asyncio.run(main())
