"""Runs a scenario of a test in a workshop of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from tests.fakes.safetensors_files import sample
from tests.fakes.workshop import Workshop, workshop

LIMIT_S = 20.0

WEIGHTS = sample(1, 3 << 20, 6)
"""Three blocks and a little, six tensors."""

OTHER = sample(2, 3 << 20, 6)
"""Other content of the very same size."""

FILE = "flux/w.safetensors"
MODEL = "flux"

PLAIN = "flux/plain.tiktoken"
"""A file of that model, of a kind whose header nobody judges."""


def play(
    folder: Path,
    scenario: Callable[[Workshop], Awaitable[None]],
    *,
    stated: Sequence[tuple[str, str]] = (),
    state: bytes | None = None,
    lanes: bool = True,
    complaints: int | None = 0,
) -> None:
    """Run `scenario`; `complaints` is how many errors of ours it must lead to (None: any number)."""

    async def live() -> None:
        async with workshop(folder, stated, state=state, lanes=lanes) as shop:
            await asyncio.wait_for(scenario(shop), LIMIT_S)
            assert complaints is None or len(shop.complaints) == complaints, shop.complaints

    asyncio.run(live())
