"""The verdict on one model (IntegrityResult) in words."""

from __future__ import annotations

from collections.abc import Iterator

from wan_healthd.cli.findings import findings_lines
from wan_healthd.cli.terminal import Terminal
from wan_healthd.cli.wording import count_text, score_text, size_text, time_text
from wan_healthd.client.document import Document

_MB = 10**6


def verdict_lines(verdict: Document, terminal: Terminal) -> Iterator[str]:
    """Status, score, extent and findings."""
    status = verdict.text("health_status")
    checked = verdict.moment_or_none("last_checked")
    when = "never checked" if checked is None else f"checked {time_text(checked)}"
    size = size_text(round(verdict.number("total_size_mb") * _MB))
    extent = f"{count_text(verdict.count('file_count'), 'file')}, {size}"
    score = score_text(verdict.number("integrity_score"))
    yield from terminal.wrap_status(status, f", score {score}, {extent}, {when}", f"{verdict.text('model_id')}: ", "  ")
    yield from findings_lines(verdict.parts("issues"), terminal, indent="  ", where=True)
