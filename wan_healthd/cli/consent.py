"""Asking before something that cannot be undone."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from wan_healthd.cli.tables import fill
from wan_healthd.cli.terminal import Terminal
from wan_healthd.client.errors import ClientError

MOST_LISTED = 20


def ask_consent(question: str, about: Sequence[str], terminal: Terminal) -> None:
    """Show what it is about, 20 lines at most, and ask.

    Raises:
        ClientError: the answer is not yes, or nobody can be asked.
    """
    if sys.stdin is None or not sys.stdin.isatty():
        raise ClientError(
            "needs-confirmation",
            "cannot ask for your consent: the input is not a terminal",
            "add --yes if you are sure",
        )
    for line in about[:MOST_LISTED]:
        terminal.warn("\n".join(fill(line, terminal.progress_width, "  ", "    ")))
    if len(about) > MOST_LISTED:
        terminal.warn(f"  ... and {len(about) - MOST_LISTED} more")
    if terminal.ask(f"{question} [y/N]").lower() not in ("y", "yes"):
        raise ClientError("declined", "cannot go on without your consent: nothing was changed")
