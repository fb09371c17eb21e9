"""How full a file system is."""

from __future__ import annotations

import os

from wan_healthd.domain.storage import DiskUsage


def usage(path: bytes) -> DiskUsage | None:
    """The file system at `path`; None where it cannot be asked, or has no size (proc). Blocks on a dead mount."""
    try:
        facts, device = os.statvfs(path), os.stat(path).st_dev
    except OSError:
        return None
    if not facts.f_blocks:
        return None
    return DiskUsage(device, (facts.f_blocks - facts.f_bfree) * facts.f_frsize, facts.f_bavail * facts.f_frsize)
