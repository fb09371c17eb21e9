"""The `Probes` port over the machine that we run on."""

from __future__ import annotations

import os

from wan_healthd.domain.vitals import ClockFacts, GpuFacts, InotifyLimits, ProcessFacts, RootFacts, StateFacts
from wan_healthd.host.probes import own, roots, surroundings


class SystemProbes:
    """Implements `domain.vitals.Probes`; any thread may ask."""

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
        return surroundings.gpu()

    def state(self, file: bytes) -> StateFacts:
        """See `Probes`."""
        return surroundings.state(file)
