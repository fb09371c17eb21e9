"""What does the work: the worker that reads and parses, and the daemon's own loops."""

from __future__ import annotations

from collections.abc import Sequence

from wan_healthd.checks.doctor.cures import RESTART
from wan_healthd.domain.confinement import Confinement
from wan_healthd.domain.doctor import Diagnosis, idle, ok, problem, warning
from wan_healthd.domain.pulses import Pulse, signs

WORKER, LOOPS = "worker", "loops"


def check(pid: int | None, pings: int | None, confinement: Confinement | None) -> Diagnosis:
    """The worker's process, its answered pings, and what confines it by its own word."""
    if pid is None:
        return idle(WORKER, "none runs: the next file that is read starts one")
    if pings is None:
        return warning(WORKER, f"process {pid} has not greeted yet", "look again in a moment; else `journalctl -u wan-healthd`")
    told = f"process {pid} answers"
    if confinement is None:
        return ok(WORKER, told)
    if confinement.lacking:
        what = "; ".join(f"{layer.name}: {layer.detail}" for layer in confinement.lacking)
        return warning(
            WORKER,
            f"{told}, but is not confined by everything ({what})",
            "a newer kernel, or one with Landlock (lsm=landlock,...)",
        )
    return ok(WORKER, f"{told}; {', '.join(layer.name for layer in confinement.layers)} confine it")


def loops(pulses: Sequence[Pulse]) -> Diagnosis:
    """Whether the daemon's own loops get on."""
    found = signs(pulses)
    if not found.is_alive:
        return problem(LOOPS, str(found), f"`journalctl -u wan-healthd` tells more; `{RESTART}` helps")
    slow = [pulse.name for pulse in pulses if pulse.hangs]
    if slow:
        return warning(LOOPS, f"{', '.join(slow)} has not got on for a while; it is seen to", "look again in a minute")
    return ok(LOOPS, f"all {len(pulses)} loops get on")
