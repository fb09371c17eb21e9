"""What every test gets: no leaks, no silent skips, real model files, and a user without rights."""

from __future__ import annotations

import signal

import pytest

from tests.support.debian_package import debian_package
from tests.support.graphics import graphics, nvml_library
from tests.support.leaks import no_leaks, orphans_come_home
from tests.support.material import material
from tests.support.skips import (
    pytest_addoption,
    pytest_configure,
    pytest_make_collect_report,
    pytest_runtest_makereport,
    pytest_terminal_summary,
)
from tests.support.unprivileged import unprivileged, unprivileged_python

__all__ = [
    "debian_package",
    "graphics",
    "material",
    "no_leaks",
    "nvml_library",
    "orphans_come_home",
    "pytest_addoption",
    "pytest_configure",
    "pytest_make_collect_report",
    "pytest_runtest_makereport",
    "pytest_terminal_summary",
    "unprivileged",
    "unprivileged_python",
]


# A shell that starts us in the background has us, and all that we start, ignore interrupts; some tests send them.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks tests by the fixtures they use, so that `-m 'not material'` can be relied on."""
    for item in items:
        for name in {"material", "unprivileged"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(name)
