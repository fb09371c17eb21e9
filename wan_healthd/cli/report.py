"""`healthctl report [MODEL]`."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator

from wan_healthd.cli import exits
from wan_healthd.cli.parser import model_id
from wan_healthd.cli.terminal import Terminal
from wan_healthd.cli.verdicts import verdict_lines
from wan_healthd.cli.wording import score_text, time_text
from wan_healthd.client.daemon import Daemon
from wan_healthd.client.document import Document

_STATUSES = ("healthy", "degraded", "corrupted", "missing", "unknown")


def arguments(parser: ArgumentParser) -> None:
    """Add the command's own arguments."""
    parser.description = (
        "Shows the report on all models, or what is corrupted in one. Exit status 0 only if every model is healthy, or if that "
        "one has no corruption."
    )
    parser.add_argument("model", nargs="?", type=model_id, metavar="MODEL", help="what is corrupted in this model")


def run(options: Namespace, daemon: Daemon, terminal: Terminal) -> int:
    """Show it."""
    if options.model is not None:
        return _corruption(options.model, daemon, terminal)
    answer = daemon.get_health_report()
    report = answer.document.part("report")
    if terminal.as_json:
        terminal.document(answer.body, answer.document.plain)
    else:
        terminal.say_all(_report_lines(report, terminal))
    unhealthy = sum(report.count(f"models_{status}") for status in _STATUSES[1:])
    return exits.UNHEALTHY if unhealthy else exits.HEALTHY


def _corruption(name: str, daemon: Daemon, terminal: Terminal) -> int:
    answer = daemon.get_corruption(name)
    corruption = answer.document.part("corruption")
    if terminal.as_json:
        terminal.document(answer.body, answer.document.plain)
    else:
        terminal.say_all(_corruption_lines(corruption, terminal))
    return exits.UNHEALTHY if corruption.flag("corruption_detected") else exits.HEALTHY


def _report_lines(report: Document, terminal: Terminal) -> Iterator[str]:
    counts = [f"{report.count(f'models_{status}')} {status}" for status in _STATUSES]
    yield f"score {score_text(report.number('overall_health_score'))}: {', '.join(counts)}"
    storage = report.number_or_none("storage_usage_percent")
    if storage is not None:
        yield f"storage: {storage:.1f} % used on the fullest file system"
    yield f"as of {time_text(report.moment('last_updated'))}"
    for text in report.texts("recommendations"):
        yield from terminal.wrap(f"-> {text}", "", "   ")
    for verdict in report.parts("detailed_reports"):
        yield ""
        yield from verdict_lines(verdict, terminal)


def _corruption_lines(corruption: Document, terminal: Terminal) -> Iterator[str]:
    name, when = corruption.text("model_id"), time_text(corruption.moment("detection_time"))
    if not corruption.flag("corruption_detected"):
        yield f"{name}: no corruption, as of {when}"
        return
    types = ", ".join(corruption.texts("corruption_types"))
    severity = corruption.text_or_none("severity") or "unknown"
    yield from terminal.wrap_painted(severity, "red", f": {types}, as of {when}", f"{name}: ", "    ")
    for path in corruption.texts("affected_files"):
        yield f"  {path}"
    for action in corruption.texts("repair_actions"):
        yield from terminal.wrap(f"-> {action}", "  ", "     ")
    yield "  the daemon can repair this" if corruption.flag("repair_possible") else "  the daemon cannot repair this by itself"
