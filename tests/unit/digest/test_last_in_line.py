"""The worker's place in line for the processors, in a process that takes it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.support.checkout import environment
from wan_healthd.digest.last_in_line import AUTOGROUP, SESSION_NICE

STEP_BACK = """
import os
from wan_healthd.digest.last_in_line import step_back
step_back()
step_back()  # there is nothing more to give up
print(os.getpriority(os.PRIO_PROCESS, 0), os.getsid(0) == os.getpid())
print(open("/proc/self/autogroup").read() if os.path.exists("/proc/self/autogroup") else "")
"""


def test_it_is_nice_within_its_session_and_its_session_is_nice() -> None:
    done = subprocess.run(
        [sys.executable, "-c", STEP_BACK], capture_output=True, text=True, check=True, timeout=20, env=environment()
    )
    rank, group = done.stdout.splitlines()[:2]
    assert rank == "19 True"
    # The kernel takes such a word of an ordinary user only ten times a second, of all of them together.
    assert not Path(AUTOGROUP).exists() or os.geteuid() != 0 or group.endswith(f"nice {SESSION_NICE}")
