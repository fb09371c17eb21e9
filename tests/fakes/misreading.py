"""A DigestEngine between us and another one that gives wrong bytes where it is told to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from msgspec.structs import replace

from wan_healthd.domain.comparison import split_run
from wan_healthd.domain.errors import WorkerFailed
from wan_healthd.domain.evidence import HeaderFacts
from wan_healthd.domain.extents import ByteRange
from wan_healthd.domain.ports import BlockRun, DigestEngine, ReadOutcome, ReadRequest, TouchedTensors


class MisreadingEngine:
    """Without orders it is the engine behind it.

    Attributes:
        misread: how many more times a block reads wrong; a large number is a disk that changed the bytes by itself.
        requests: every read that was asked for.
        cannot_locate: whether the "worker" dies over naming tensors.
        misheard: what the next looks at a header show instead of the truth.
        looks: for each look at a header, whether the disk itself was asked.
        during_header: called when a header was read and is not told yet.
        stuck: if given, it is set when a read has told everything, and the read does not end.
    """

    def __init__(self, engine: DigestEngine) -> None:
        self._engine = engine
        self.misread: dict[int, int] = {}
        self.requests: list[ReadRequest] = []
        self.misheard: list[HeaderFacts] = []
        self.looks: list[bool] = []
        self.cannot_locate = False
        self.stuck: asyncio.Event | None = None
        self.during_header: Callable[[], None] = lambda: None

    async def read(self, descriptor: int, request: ReadRequest, on_run: Callable[[BlockRun], None]) -> ReadOutcome:
        self.requests.append(request)
        lied: list[int] = []

        def tell(run: BlockRun) -> None:
            digests = split_run(run.first_block, run.digests)
            lies = [block for block in digests if self.misread.get(block, 0) > 0]
            for block in lies:
                self.misread[block] -= 1
                digests[block] = bytes(byte ^ 0xFF for byte in digests[block])
            lied.extend(lies)
            on_run(BlockRun(run.first_block, b"".join(digests.values()), run.assurance))

        outcome = await self._engine.read(descriptor, request, tell)
        if self.stuck is not None:
            self.stuck.set()
            await asyncio.Event().wait()
        if not lied:
            return outcome
        wrong = {"sha256": "0" * 63 + "1", "git_sha1": "0" * 39 + "1"}
        return replace(outcome, **{name: lie for name, lie in wrong.items() if getattr(outcome, name) is not None})

    async def header(self, descriptor: int, format_name: str, *, from_disk: bool = False) -> HeaderFacts:
        facts = await self._engine.header(descriptor, format_name, from_disk=from_disk)
        self.during_header()
        self.looks.append(from_disk)
        return self.misheard.pop(0) if self.misheard else facts

    async def locate(self, format_name: str, packed_header: bytes, ranges: Sequence[ByteRange]) -> TouchedTensors:
        if self.cannot_locate:
            raise WorkerFailed("cannot name the tensors: the digest worker was lost twice while it had this job")
        return await self._engine.locate(format_name, packed_header, ranges)

    async def close(self) -> None:
        await self._engine.close()
