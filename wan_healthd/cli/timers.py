"""What is scheduled, as a table."""

from __future__ import annotations

from collections.abc import Sequence

from wan_healthd.cli.tables import Table
from wan_healthd.cli.terminal import Terminal
from wan_healthd.cli.wording import time_text
from wan_healthd.client.document import Document


def timer_lines(timers: Sequence[Document], terminal: Terminal) -> list[str]:
    """When each runs next and ran last; nothing where there are none."""
    if not timers:
        return []
    rows = [
        (timer.text("name"), time_text(timer.moment_or_none("next_run")), time_text(timer.moment_or_none("last_run")))
        for timer in timers
    ]
    table = Table(("TIMER", "NEXT", "LAST"), rows, flexible=0)
    return ["", *table.lines(terminal.width, lambda _row, _column, padded: padded)]
