"""Findings in words: how grave, what, where, and what to do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from wan_healthd.cli.terminal import Terminal
from wan_healthd.client.document import Document

_COLOUR_OF_SEVERITY = {"critical": "red", "high": "red", "medium": "yellow"}
MOST_FINDINGS = 20


def findings_lines(
    findings: Sequence[Document],
    terminal: Terminal,
    *,
    indent: str,
    where: bool,
    most: int = MOST_FINDINGS,
    rest: str = "--json has all",
) -> Iterator[str]:
    """Each finding with its suggestion, which is said once for several in a row that share it.

    With `where`, damaged ranges and tensors too. At most `most` of them; `rest` says where the others are.
    """
    shown = findings[:most]
    suggestions = [finding.text("suggestion") for finding in shown]
    for finding, suggestion, following in zip(shown, suggestions, [*suggestions[1:], ""], strict=False):
        yield from _finding_lines(finding, terminal, indent, where)
        if suggestion and suggestion != following:
            yield from terminal.wrap(f"-> {suggestion}", f"{indent}  ", f"{indent}     ")
    if len(findings) > most:
        yield from terminal.wrap(f"... and {len(findings) - most} more; {rest}", indent, f"{indent}  ")


def _finding_lines(finding: Document, terminal: Terminal, indent: str, where: bool) -> Iterator[str]:
    severity = finding.text("severity")
    hanging = f"{indent}  "
    colour = _COLOUR_OF_SEVERITY.get(severity, "")
    yield from terminal.wrap_painted(severity, colour, f": {finding.text('message')}", indent, hanging)
    if where:
        from wan_healthd.cli.damage import damage_lines

        for line in damage_lines(finding):
            yield from terminal.wrap(line, hanging, f"{hanging}  ")
