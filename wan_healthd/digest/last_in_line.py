"""The worker's place in line for the processors: behind who computes, and behind the daemon's answers to clients."""

from __future__ import annotations

import os
from contextlib import suppress

LAST_IN_LINE = 19
"""nice(2): what is left of the processors is still ours."""

SESSION_NICE = 10
"""Of our session against others (sched(7), autogroup): a tenth of a processor that somebody else keeps busy. Sweeps slow down
to less than that by themselves; what somebody waits for must come to an end also beside a program that computes for days."""

AUTOGROUP = "/proc/self/autogroup"


def step_back() -> None:
    """For this process and what it starts; where a part of it is forbidden, or not known, that part is left out.

    Where the kernel groups processes by session, as Debian's does unless a service manager gives them shares, nice values
    count only within a session: against a program of another one the last in line got half of a processor (measured: 0.50
    with niceness alone, and with SCHED_IDLE; 0.99 in a session of its own whose group is as nice as can be). So this is a
    session of its own. SCHED_IDLE would add nothing to that, and a thread that holds the interpreter would keep the others
    from answering.
    """
    with suppress(OSError):
        os.nice(LAST_IN_LINE)
    with suppress(OSError):
        os.setsid()
        with open(AUTOGROUP, "w", encoding="ascii") as group:
            group.write(str(SESSION_NICE))
