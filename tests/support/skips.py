"""`--no-skips`: where everything that tests need is there, a skipped test is a failure. Only a GPU may be wanting."""

from __future__ import annotations

from collections.abc import Generator
from typing import cast

import pytest

REFUSED = pytest.StashKey[list[str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--no-skips", action="store_true", help="a skipped test is a failure, unless it is marked `gpu`")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[REFUSED] = []


def refuse(report: pytest.TestReport | pytest.CollectReport, config: pytest.Config) -> None:
    """Turns a skip into a failure that says why the test wanted to skip."""
    _, _, reason = cast("tuple[str, int, str]", report.longrepr)
    report.outcome = "failed"
    report.longrepr = f"{reason}\nThis run was started with --no-skips: nothing may be skipped."
    config.stash[REFUSED].append(f"{report.nodeid}: {reason}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    expected = hasattr(report, "wasxfail") or item.get_closest_marker("gpu") is not None
    if report.skipped and item.config.getoption("no_skips") and not expected:
        refuse(report, item.config)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    if report.skipped and collector.config.getoption("no_skips"):
        refuse(report, collector.config)
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for line in config.stash[REFUSED]:
        terminalreporter.write_line(f"SKIP REFUSED {line}")
