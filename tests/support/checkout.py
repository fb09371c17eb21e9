"""The product as it stands in the checkout, for processes that tests start."""

from __future__ import annotations

import os

from tests.support.unprivileged import CHECKOUT


def environment() -> dict[str, str]:
    """Ours, in which a child finds `wan_healthd` and `tests` in the checkout, wherever it works."""
    places = [str(CHECKOUT), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, places))}
