"""The benchmarks run; what they measure is for people to judge."""

from __future__ import annotations

import subprocess
import sys

from tests.support.unprivileged import CHECKOUT


def test_close_to_verdict_measures_both_kinds() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.close_to_verdict", "--runs", "2"],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
        cwd=CHECKOUT,
    )
    assert (done.returncode, done.stderr) == (0, "")
    head, *rows = done.stdout.splitlines()
    assert head.split()[-4:] == ["runs", "p50", "p99", "max"]
    assert [row.split()[:2] for row in rows] == [["truncated", "2"], ["flipped", "2"]]
    assert all(float(figure) > 0 for row in rows for figure in row.split()[2:])
