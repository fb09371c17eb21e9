"""What is said of folders that cannot be watched."""

from __future__ import annotations

import pytest

from wan_healthd.domain.watching import RootWatch
from wan_healthd.services.gaps import complaint, wanted_limit


@pytest.mark.parametrize(
    ("report", "says"),
    [
        (RootWatch(b"/r", 10, (b"/r/a",), 21, "ENOSPC", 10), ["21 of 31 folders below /r", "max_user_watches=32"]),
        (RootWatch(b"/r", 3, (b"/r/a\nb",), 1, "EACCES"), ["1 of 4", "may not read /r/a\\nb", "chmod"]),
        (RootWatch(b"/r", 0, (b"/r",), 1, "EMFILE"), ["max_user_instances"]),
        (RootWatch(b"/r", 3, (b"/r/a",), 1, "EIO"), ["/r/a (EIO)"]),
    ],
)
def test_cause_and_cure(report: RootWatch, says: list[str]) -> None:
    said = complaint(report)
    assert all(part in said for part in says)
    assert said.startswith("cannot watch ")
    assert said.isprintable()


def test_the_limit_that_is_named_is_enough() -> None:
    for limit, folders, unwatched in [(10, 10, 21), (65_536, 1_000, 64), (None, 0, 1), (8192, 8192, 1_000_000)]:
        wanted = wanted_limit(RootWatch(b"/r", folders, (b"/r",), unwatched, "ENOSPC", limit))
        assert wanted >= (limit or folders) + unwatched
