"""What a scan costs: processor time of all its processes, and the most memory that any of them had."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from tests.support.checkout import environment
from tests.support.scans import LIMIT_S, Scan

MEASURE = """
import json, resource, subprocess, sys
done = subprocess.run(sys.argv[1:], capture_output=True, text=True)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
told = [done.returncode, done.stdout, done.stderr, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024]
print(json.dumps(told))
"""
"""Run by a small process of its own: what a process had before it became another one counts as the other's (getrusage(2))."""


class Cost(NamedTuple):
    """`rss_bytes` is of the greatest process: there are two, the scan and its worker."""

    cpu_s: float
    rss_bytes: int


def measured_scan(folder: Path) -> tuple[Scan, Cost]:
    """Scan `folder` and say what that took."""
    command = [sys.executable, "-m", "wan_healthd.daemon.main", "scan", "--json", str(folder)]
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", MEASURE, *command],
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=True,
        env=environment(),
    )
    status, out, err, cpu_s, rss_bytes = json.loads(done.stdout)
    assert err == ""
    answer = json.loads(out)
    return Scan(status, answer["models"], answer["bytes_read"]), Cost(cpu_s, rss_bytes)
