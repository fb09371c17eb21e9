"""How busy the graphics processors of this machine are, whoever keeps them so."""

from __future__ import annotations

import threading
from typing import Any

from wan_healthd.domain.gpus import GpuFacts, GpuReading, GpuRefusal
from wan_healthd.domain.occupation import GpuLook
from wan_healthd.domain.ports import Clock
from wan_healthd.host import drm
from wan_healthd.host.gpu_places import GpuPlaces
from wan_healthd.host.nvml import NvmlRefused, NvmlSession, has_driver, is_asleep, load_module

OPEN_EVERY_S = 60.0
"""NVML that refuses is opened no more often: a driver that is being reset or replaced is not pestered."""

HANGS_S = 2.0
"""A look that takes longer may never end."""


class GpuUse:
    """Looks when asked. Without a driver a look is a few system calls: nothing is imported, kept open or logged.

    A device that does not tell how busy it is, is left out. That a process has it open says nothing: a server that waits for
    work holds it for days, and sweeps must not wait that long.

    Any thread may ask. While one call hangs in a driver all others are answered without it.

    Attributes:
        places: where it looks.
    """

    def __init__(self, clock: Clock, places: GpuPlaces = GpuPlaces()) -> None:  # noqa: B008 (frozen)
        self.places = places
        self._clock = clock
        self._module: Any = None
        self._session: NvmlSession | None = None
        self._opened_at_s = 0.0
        self._barred_until_s = 0.0
        self._alone = threading.Lock()

    def look(self) -> tuple[GpuLook, ...]:
        """How busy each is. It may take seconds, and does not come back from a driver that hangs."""
        if not self._alone.acquire(blocking=False):
            return ()
        try:
            told = (*self._nvidia(), *drm.read(self.places))
        finally:
            self._alone.release()
        return tuple(GpuLook(each.name, each.busy_percent) for each in told if each.busy_percent is not None)

    def examine(self) -> GpuFacts:
        """All that can be told, or why not, asked anew; blocks as `look` does. What is on the bus it does not know."""
        if not self._alone.acquire(timeout=HANGS_S):
            return GpuFacts(refusal=GpuRefusal.HANGS)
        was_open = self._session is not None
        try:
            return self._facts()
        except NvmlRefused as refused:
            return GpuFacts(amd=drm.read(self.places), refusal=refused.refusal, words=str(refused))
        finally:
            if not was_open:
                self._drop()
            self._alone.release()

    def close(self) -> None:
        """Let go of NVIDIA's driver, so that it can be replaced, or power its devices down. The next look opens it again."""
        if not self._alone.acquire(blocking=False):
            return
        try:
            self._drop()
        finally:
            self._alone.release()

    def _nvidia(self) -> tuple[GpuReading, ...]:
        if not has_driver(self.places) or is_asleep(self.places):
            return ()
        if self._session is None and self._clock.monotonic() < self._barred_until_s:
            return ()
        try:
            return self._opened().read()
        except NvmlRefused:  # `healthctl doctor` tells why
            self._drop()
            self._barred_until_s = self._opened_at_s + OPEN_EVERY_S
            return ()

    def _facts(self) -> GpuFacts:
        amd = drm.read(self.places)
        if not has_driver(self.places):
            return GpuFacts(amd=amd)
        if is_asleep(self.places):
            return GpuFacts(amd=amd, is_asleep=True)
        session = self._opened()
        return GpuFacts(session.read(), amd, session.driver)

    def _opened(self) -> NvmlSession:
        if self._session is None:
            self._opened_at_s = self._clock.monotonic()
            self._module = self._module or load_module()
            self._session = NvmlSession(self._module)
        return self._session

    def _drop(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.close()
