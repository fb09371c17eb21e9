"""The `Probes` port over the machine that we run on."""

from __future__ import annotations

import os

from wan_healthd.domain.gpus import GpuFacts
from wan_healthd.domain.vitals import ClockFacts, InotifyLimits, ProcessFacts, RootFacts, StateFacts
from wan_healthd.host.gpu_use import GpuUse
from wan_healthd.host.probes import gpus, own, roots, surroundings


class SystemProbes:
    """Implements `domain.vitals.Probes`; any thread may ask.

    Args:
        gpus: whom sweeps ask, too.
    """

    def __init__(self, gpus: GpuUse) -> None:
        self._gpus = gpus

    def root(self, path: bytes) -> RootFacts:
        """See `Probes`."""
        return roots.examine(path)

    def inotify(self) -> InotifyLimits:
        """See `Probes`."""
        return surroundings.inotify()

    def process(self) -> ProcessFacts:
        """See `Probes`."""
        return own.examine(os.environ)

    def clock(self) -> ClockFacts:
        """See `Probes`."""
        return surroundings.clock()

    def gpu(self) -> GpuFacts:
        """See `Probes`."""
        return gpus.examine(self._gpus)

    def state(self, file: bytes) -> StateFacts:
        """See `Probes`."""
        return surroundings.state(file)
