"""What only the disk knows about the configuration, for `--check-config`: at run time these are findings, not errors."""

from __future__ import annotations

import os

from wan_healthd.domain.paths import printable
from wan_healthd.domain.settings import Settings


def check(settings: Settings) -> list[str]:
    """Problems that keep the configuration from being useful, one printable line each."""
    problems = [problem for root in settings.roots if (problem := _root_problem(root.path)) is not None]
    if not settings.roots:
        problems.append("roots: nothing is watched; add [[roots]] with a path")
    return problems


def _root_problem(path: str) -> str | None:
    try:
        with os.scandir(path) as entries:
            next(entries, None)
    except OSError as error:
        cure = "mount or create it, or correct the path" if isinstance(error, FileNotFoundError) else "correct it or the path"
        return f"roots.path: cannot look at the folder {printable(path)}: {error.strerror}; {cure}"
    return None
