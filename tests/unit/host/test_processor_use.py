"""What programs have used of the processors: read from the running kernel."""

from __future__ import annotations

import os
import time
from pathlib import Path

from tests.fakes.clock import FakeClock
from wan_healthd.host.processor_use import ProcessorUse


def test_what_we_compute_counts_as_ours_and_as_everybodys() -> None:
    use = ProcessorUse(FakeClock())
    before = use.sample(None)
    began_s = time.process_time()
    while time.process_time() - began_s < 0.2:
        sum(range(1000))
    after = use.sample(os.getpid())
    assert before is not None and after is not None
    assert after.processors == os.cpu_count()
    assert after.own_s >= 2 * before.own_s + 0.1, "the worker's process, here our own once more, is ours, too"
    assert after.used_s >= before.used_s


def test_the_root_cgroup_tells_where_the_statistics_are_hidden(tmp_path: Path) -> None:
    told = tmp_path / "cpu.stat"
    told.write_text("usage_usec 9000000\nuser_usec 5500000\nsystem_usec 3500000\n")
    sample = ProcessorUse(FakeClock(), stat="/nowhere", cgroup_stat=str(told)).sample(None)
    assert sample is not None and sample.used_s == 5.5


def test_who_is_told_nothing_knows_nothing(tmp_path: Path) -> None:
    assert ProcessorUse(FakeClock(), stat="/nowhere", cgroup_stat="/nowhere").sample(None) is None
    assert ProcessorUse(FakeClock()).sample(2**22 + 1) is None
    (tmp_path / "stat").write_text("cpu\n")
    assert ProcessorUse(FakeClock(), stat=str(tmp_path / "stat")).sample(None) is None
