"""The state cannot be written: what is found now is not recorded."""

from __future__ import annotations

from wan_healthd.domain.catalogue import STATE_CANNOT_BE_WRITTEN
from wan_healthd.domain.findings import Finding


def state_finding(cause: str, cure: str) -> Finding:
    """state-unwritable, with the database's own words."""
    return STATE_CANNOT_BE_WRITTEN.at(None, what=cause, cure=cure)
