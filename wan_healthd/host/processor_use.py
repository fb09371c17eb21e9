"""What programs have used of the processors since the machine started, and what we have: thin readers of /proc."""

from __future__ import annotations

import os

from wan_healthd.domain.busy_processor import ProcessorSample
from wan_healthd.domain.ports import Clock

STAT, ROOT_CGROUP_STAT = "/proc/stat", "/sys/fs/cgroup/cpu.stat"
"""The second where the first is hidden (ProcSubset=pid). In a container it tells of that alone, so of nobody else."""

_UTIME = 11
"""Fields behind the program's name in /proc/PID/stat (proc(5))."""


class ProcessorUse:
    """Samples all processors; asks no disk.

    Args:
        stat, cgroup_stat: where the kernel tells.
    """

    def __init__(self, clock: Clock, stat: str = STAT, cgroup_stat: str = ROOT_CGROUP_STAT) -> None:
        self._clock = clock
        self._stat = stat
        self._cgroup_stat = cgroup_stat
        self._tick_s = 1 / os.sysconf("SC_CLK_TCK")

    def sample(self, worker_pid: int | None) -> ProcessorSample | None:
        """Now; None where the system does not tell."""
        try:
            used_s = self._used_s()
            own_s = sum(self._used_by(pid) for pid in ("self", worker_pid) if pid is not None)
        except (OSError, ValueError, IndexError, KeyError):
            return None
        return ProcessorSample(self._clock.monotonic(), used_s, own_s, os.cpu_count() or 1)

    def _used_s(self) -> float:
        """Outside the kernel: `user` holds guests, `nice` those of low priority."""
        try:
            with open(self._stat, encoding="ascii") as stat:
                _cpu, user, nice = stat.readline().split()[:3]
        except OSError:
            with open(self._cgroup_stat, encoding="ascii") as stat:
                return int(dict(line.split() for line in stat)["user_usec"]) / 1e6
        return (int(user) + int(nice)) * self._tick_s

    def _used_by(self, pid: str | int) -> float:
        with open(f"/proc/{pid}/stat", "rb") as stat:
            fields = stat.read().rpartition(b")")[2].split()
        return int(fields[_UTIME]) * self._tick_s
