"""What files say of themselves, heard through the digest engine; what accuses a file is believed at the second look."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from wan_healthd.checks.read_errors import STORAGE_ERRORS
from wan_healthd.domain.errors import WorkerFailed, WorkerRefused
from wan_healthd.domain.evidence import HeaderFacts
from wan_healthd.domain.ports import DigestEngine
from wan_healthd.layouts.names import format_of
from wan_healthd.services.reading import DISAGREED


class HeaderSaid(Struct, frozen=True):
    """What a header says, or the obstacle that kept us from asking it; neither for a format that has none.

    `was_misread`: a look before gave other bytes than the one that counts.
    """

    facts: HeaderFacts | None = None
    obstacle: str | None = None
    complaint: str = ""
    was_misread: bool = False


class Headers:
    """Asks headers.

    Args:
        reads_content: False: a header that the disk refuses is an obstacle, since no read will say which bytes.
    """

    def __init__(self, engine: DigestEngine, *, reads_content: bool) -> None:
        self._engine = engine
        self._reads_content = reads_content

    async def of(self, path: bytes, descriptor: int) -> HeaderSaid:
        """What the open file at `path` says of itself; a fault is told only if the disk itself shows it again."""
        first = await self.look(path, descriptor)
        if first.facts is None or first.facts.fault is None:
            return first
        return await self.confirm(path, descriptor, first.facts)

    async def confirm(self, path: bytes, descriptor: int, seen: HeaderFacts) -> HeaderSaid:
        """The second look, past the page cache, which comes before damage is declared (requirement M2.3).

        Two looks that differ accuse nobody: if the second one shows a sound header that one counts, else none does.
        """
        again = await self.look(path, descriptor, from_disk=True)
        if again.facts is None or again.facts == seen:
            return again
        return HeaderSaid(obstacle=DISAGREED.obstacle) if again.facts.fault is not None else replace(again, was_misread=True)

    async def look(self, path: bytes, descriptor: int, *, from_disk: bool = False) -> HeaderSaid:
        """One look, which proves nothing against the file."""
        name = format_of(path.rsplit(b"/", 1)[-1])
        if name is None:
            return HeaderSaid()
        try:
            return HeaderSaid(await self._engine.header(descriptor, name, from_disk=from_disk))
        except WorkerRefused as error:
            if error.errno_name in STORAGE_ERRORS and self._reads_content:
                return HeaderSaid()
            return HeaderSaid(None, error.code, error.message)
        except WorkerFailed as error:
            return HeaderSaid(None, error.code, error.message)
