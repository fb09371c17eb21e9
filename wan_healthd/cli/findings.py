"""Findings in words: how grave, what, where, and what to do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from wan_healthd.cli.terminal import Terminal
from wan_healthd.client.document import Document

_COLOUR_OF_SEVERITY = {"critical": "red", "high": "red", "medium": "yellow"}
MOST_FINDINGS = 20


def findings_lines(findings: Sequence[Document], terminal: Terminal, *, indent: str, where: bool) -> Iterator[str]:
    """Each finding with its suggestion; with `where`, damaged ranges and tensors too. At most 20 of them."""
    for finding in findings[:MOST_FINDINGS]:
        yield from _finding_lines(finding, terminal, indent, where)
    if len(findings) > MOST_FINDINGS:
        yield f"{indent}... and {len(findings) - MOST_FINDINGS} more; --json has all"


def _finding_lines(finding: Document, terminal: Terminal, indent: str, where: bool) -> Iterator[str]:
    severity = finding.text("severity")
    hanging = f"{indent}  "
    first, *rest = terminal.wrap(f"{severity}: {finding.text('message')}", indent, hanging)
    yield indent + terminal.paint(severity, _COLOUR_OF_SEVERITY.get(severity, "")) + first[len(indent) + len(severity) :]
    yield from rest
    if where:
        from wan_healthd.cli.damage import damage_lines

        for line in damage_lines(finding):
            yield from terminal.wrap(line, hanging, f"{hanging}  ")
    if suggestion := finding.text("suggestion"):
        yield from terminal.wrap(f"-> {suggestion}", hanging, f"{hanging}   ")
