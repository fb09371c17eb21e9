"""The storage sweep: how full the file systems are that hold models and the state."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from wan_healthd.domain.alerts import STORAGE_CRITICAL, STORAGE_LOW, AlertKind
from wan_healthd.domain.amounts import size_text
from wan_healthd.domain.catalogue import STORAGE_FILLING
from wan_healthd.domain.findings import Finding, Severity
from wan_healthd.domain.paths import display
from wan_healthd.domain.ports import Clock, Threads
from wan_healthd.domain.settings import HealthCheckConfig
from wan_healthd.domain.storage import DiskUsage, StorageLevel, level_of
from wan_healthd.services.conditions import Conditions
from wan_healthd.services.deadline import Unanswered
from wan_healthd.store import timers
from wan_healthd.store.database import Database

STORAGE = "storage-sweep"
_KINDS: tuple[tuple[StorageLevel, AlertKind, Severity], ...] = (
    (StorageLevel.LOW, STORAGE_LOW, Severity.MEDIUM),
    (StorageLevel.CRITICAL, STORAGE_CRITICAL, Severity.HIGH),
)


class StorageWatch:
    """Looks when asked, and opens and closes the conditions.

    Args:
        usage: of the file system that holds a folder; None where it cannot be asked. Blocks.
        folders: the roots, and where the state is; the first one on a file system stands for it.
    """

    def __init__(
        self,
        *,
        usage: Callable[[bytes], DiskUsage | None],
        threads: Threads,
        clock: Clock,
        database: Database,
        conditions: Conditions,
        folders: Sequence[bytes],
        settings: HealthCheckConfig,
    ) -> None:
        self._usage = usage
        self._threads = threads
        self._clock = clock
        self._database = database
        self._conditions = conditions
        self._folders = tuple(folders)
        self._warning = settings.storage_warning_threshold
        self._critical = settings.storage_critical_threshold
        self._levels: dict[bytes, StorageLevel] = {}
        self._findings: dict[bytes, Finding] = {}

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is filling up, as of the last look."""
        return tuple(self._findings.values())

    async def look(self) -> None:
        """One look at each file system; one that cannot be asked is left as it was.

        Raises:
            StoreUnusable: the state refuses; the next look tells.
        """
        began = self._clock.now()
        seen: set[int] = set()
        for folder in self._folders:
            usage = await self._ask(folder)
            if usage is not None and usage.device not in seen:
                seen.add(usage.device)
                await self._judge(folder, usage)
        await self._database.write(lambda db: timers.ran(db, STORAGE, began))

    async def fullest_percent(self, folders: Sequence[bytes]) -> float | None:
        """0..100 of the fullest of their file systems; None where none can be asked. Waits for them."""
        usages = [await self._ask(folder) for folder in folders]
        return max((usage.fraction * 100 for usage in usages if usage is not None), default=None)

    async def _ask(self, folder: bytes) -> DiskUsage | None:
        try:
            return await self._threads.run(lambda: self._usage(folder))
        except Unanswered:
            return None

    async def _judge(self, folder: bytes, usage: DiskUsage) -> None:
        before = self._levels.get(folder) or await self._told_before(folder)
        level = level_of(usage.fraction, warning=self._warning, critical=self._critical, before=before)
        shown = display(folder)
        self._findings.pop(folder, None)
        for of_level, kind, severity in reversed(_KINDS):  # the gravest first: its end, too, is told before the lesser one's
            limit = self._critical if of_level is StorageLevel.CRITICAL else self._warning
            told = f"more than {limit:.0%} full"
            if of_level is level:
                self._findings[folder] = STORAGE_FILLING.at(
                    folder,
                    severity=severity,
                    folder=shown,
                    percent=f"{usage.fraction * 100:.1f} %",
                    free=size_text(usage.available_bytes),
                )
                message = f"the file system that holds {shown} is {told}"
                await self._conditions.open(kind, shown, message, path=shown, finding=self._findings[folder])
            elif level is not StorageLevel.CRITICAL:  # what is critical is low as well
                await self._conditions.close(kind, shown, f"the file system that holds {shown} is no longer {told}")
        self._levels[folder] = level

    async def _told_before(self, folder: bytes) -> StorageLevel:
        """The level that a condition of before the restart tells."""
        for level, kind, _ in reversed(_KINDS):
            if any(entry.path == display(folder) for entry in await self._conditions.open_now(kind)):
                return level
        return StorageLevel.FINE
