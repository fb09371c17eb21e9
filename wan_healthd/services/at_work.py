"""Who else is at work on this machine while sweeps read: others who use the disks, or the processors."""

from __future__ import annotations

from collections.abc import Callable

from wan_healthd.domain import busy_disk, busy_processor
from wan_healthd.domain.busy_disk import DiskSample, DiskSeen
from wan_healthd.domain.busy_processor import ProcessorSample, ProcessorSeen
from wan_healthd.domain.ports import Clock, ReadMode, Threads

PROCESSOR_LOOK_S = 0.5
"""Between two looks at the processors: on a large machine /proc/stat takes the kernel a millisecond."""


class AtWork:
    """Looks when asked, and remembers.

    Args:
        mode: how long others must have stopped depends on it; nobody asks in mode "full".
        disks, processors: one look each, quick but blocking; given the worker's process id. None where it is not told.
    """

    def __init__(
        self,
        mode: ReadMode,
        clock: Clock,
        threads: Threads,
        disks: Callable[[int | None], DiskSample | None],
        processors: Callable[[int | None], ProcessorSample | None],
    ) -> None:
        self._disk_lull_s = busy_disk.LULL_S.get(mode, 0.0)
        self._processor_lull_s = busy_processor.LULL_S.get(mode, 0.0)
        self._clock = clock
        self._threads = threads
        self._sample_disks = disks
        self._sample_processors = processors
        self._disk = DiskSeen()
        self._processor = ProcessorSeen()
        self._processor_looked_at_s: float | None = None

    @property
    def is_disk_busy(self) -> bool:
        """Whether others use the disks, as of the last look."""
        return self._disk.is_busy

    @property
    def is_processor_busy(self) -> bool:
        """Whether others compute, as of the last look."""
        return self._processor.is_busy

    def forget(self) -> None:
        """Nobody wants to know any more."""
        self._disk, self._processor, self._processor_looked_at_s = DiskSeen(), ProcessorSeen(), None

    async def look(self, worker_pid: int | None) -> None:
        """One look at both."""
        now_s = self._clock.monotonic()
        is_due = self._processor_looked_at_s is None or now_s - self._processor_looked_at_s >= PROCESSOR_LOOK_S
        disk, processor = await self._threads.run(
            lambda: (self._sample_disks(worker_pid), self._sample_processors(worker_pid) if is_due else None)
        )
        self._disk = DiskSeen() if disk is None else busy_disk.observe(self._disk, disk, self._disk_lull_s)
        if is_due:
            self._processor_looked_at_s = now_s
            self._processor = (
                ProcessorSeen()
                if processor is None
                else busy_processor.observe(self._processor, processor, self._processor_lull_s)
            )
