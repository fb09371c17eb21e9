"""How full a file system is."""

from __future__ import annotations

import os


def usage_percent(path: bytes) -> float | None:
    """Share of the file system at `path` that is used, 0..100, as df(1) counts: root's reserve is neither used nor free.

    None where it cannot be asked, or has no size (proc).
    """
    try:
        facts = os.statvfs(path)
    except OSError:
        return None
    used = facts.f_blocks - facts.f_bfree
    usable = used + facts.f_bavail
    return 100.0 * used / usable if usable > 0 else None
