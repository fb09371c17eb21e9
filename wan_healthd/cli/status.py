"""`healthctl status [MODEL] [--watch]`."""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from datetime import datetime

from wan_healthd.cli import exits
from wan_healthd.cli.alert import summary_line
from wan_healthd.cli.findings import findings_lines
from wan_healthd.cli.manual import HEALTH
from wan_healthd.cli.parser import model_id
from wan_healthd.cli.sweep import hold_up_lines, sweep_line
from wan_healthd.cli.tables import Table
from wan_healthd.cli.terminal import Terminal
from wan_healthd.cli.wording import age_text, count_text, score_text, size_text, until_text
from wan_healthd.client.daemon import Answer, Daemon
from wan_healthd.client.document import Document
from wan_healthd.client.errors import ClientError
from wan_healthd.usage.sections import add_section

WATCH_S = 2.0
MOST_EXPLAINED = 10
"""Unhealthy models of which the issues are shown; each costs a request."""

MOST_OF_EACH = 5
"""Issues of each of them."""

MOST_READING = 3
NAME_A_FOLDER = (
    "nothing is watched: name a folder in /etc/wan-healthd/config.toml, or in the file that the daemon was started with, as "
    "[[roots]] with a path; then `healthctl reload`"
)
_HEADERS = ("MODEL", "STATUS", "SCORE", "SIZE", "LAST READ", "LAST CHECK")
_STATUS_COLUMN = 1


def arguments(parser: ArgumentParser) -> None:
    """Add the command's own arguments."""
    parser.description = (
        "Shows the overall score, a line for each model, what the daemon does, and what is wrong. LAST READ is when the "
        "stalest byte of the model was last verified from the disk. Exit status 0 only if everything is healthy; unknown "
        "counts as unhealthy."
    )
    parser.add_argument("model", nargs="?", type=model_id, metavar="MODEL", help="only this model, with all its findings")
    parser.add_argument("--watch", action="store_true", help=f"show it again every {WATCH_S:g} seconds until interrupted")
    add_section(parser, "status of a model", HEALTH)


def run(options: Namespace, daemon: Daemon, terminal: Terminal) -> int:
    """Show it, once or until interrupted."""
    if options.watch:
        return watch(options.model, daemon, terminal)
    return _show(_ask(options.model, daemon), options.model, daemon, terminal)


def watch(name: str | None, daemon: Daemon, terminal: Terminal) -> int:
    """Show all models, or the one of that id, again and again: in place on a terminal, one after the other elsewhere."""
    if terminal.is_interactive and not terminal.as_json:
        from wan_healthd.cli.screen import show_live

        show_live(lambda: list(_lines(_ask(name, daemon), name, daemon, terminal)), terminal, WATCH_S)
    while True:
        _show(_ask(name, daemon), name, daemon, terminal)
        if not terminal.as_json:
            terminal.say()
        terminal.flush()
        time.sleep(WATCH_S)


def _ask(name: str | None, daemon: Daemon) -> Answer:
    return daemon.status() if name is None else daemon.get_model(name)


def _show(answer: Answer, name: str | None, daemon: Daemon, terminal: Terminal) -> int:
    if terminal.as_json:
        terminal.document(answer.body, answer.document.plain)
    else:
        terminal.say_all(_lines(answer, name, daemon, terminal))
    if name is not None:
        return exits.health(answer.document.part("model").text("health_status"))
    return _exit(answer.document)


def _lines(answer: Answer, name: str | None, daemon: Daemon, terminal: Terminal) -> Iterator[str]:
    if name is None:
        yield from _overview(answer.document, terminal)
        yield from _explanations(answer, daemon, terminal)
    else:
        from wan_healthd.cli.verdicts import verdict_lines

        yield from verdict_lines(answer.document.part("model"), terminal)


def _exit(status: Document) -> int:
    verdicts = [status.text("status"), *(model.text("status") for model in status.parts("models"))]
    return max(exits.health(verdict) for verdict in verdicts)


def _overview(status: Document, terminal: Terminal) -> Iterator[str]:
    now, models = status.moment("now"), status.parts("models")
    overall = status.text("status")
    counts = [count_text(len(models), "model")]
    if unclaimed := status.count("unclaimed_count"):
        counts.append(count_text(unclaimed, "unclaimed file"))
    score = score_text(status.number("overall_health_score"))
    yield f"{terminal.paint_status(overall)}, score {score}, {', '.join(counts)}"
    if models:
        yield from _table(models, now, terminal)
    elif not status.parts("watching"):
        yield from terminal.wrap(NAME_A_FOLDER, "", "  ")
    yield from _activity(status, now, terminal)


def _table(models: list[Document], now: datetime, terminal: Terminal) -> list[str]:
    rows = [_row(model, now) for model in models]
    table = Table(_HEADERS, rows, flexible=0, right=frozenset({2, 3}))

    def paint(row: int, column: int, padded: str) -> str:
        return terminal.paint_status(rows[row][_STATUS_COLUMN], padded) if column == _STATUS_COLUMN else padded

    return table.lines(terminal.width, paint)


def _row(model: Document, now: datetime) -> tuple[str, ...]:
    return (
        model.text("id"),
        model.text("status"),
        score_text(model.number("score")),
        size_text(model.count("size_bytes")),
        age_text(model.moment_or_none("oldest_read_at"), now),
        age_text(model.moment_or_none("last_checked"), now),
    )


def _activity(status: Document, now: datetime, terminal: Terminal) -> Iterator[str]:
    activity = status.part("activity")
    reading, queued = activity.texts("reading"), activity.count("queued")
    yield from hold_up_lines(status, terminal)
    for sweep in status.parts("sweeps"):
        yield sweep_line(sweep)
    if reading:
        more = f" and {len(reading) - MOST_READING} more" if len(reading) > MOST_READING else ""
        yield from terminal.wrap(f"reading {', '.join(reading[:MOST_READING])}{more}", "", "  ")
    if queued:
        yield f"{count_text(queued, 'file')} waiting"
    for root in status.parts("watching"):
        yield from _unwatched(root, terminal)
    planned = [timer for timer in status.parts("timers") if timer.moment_or_none("next_run") is not None]
    if open_count := status.count("alerts_open"):
        yield summary_line(open_count, status.count("alerts_acknowledged"))
    if planned:
        soonest = min(planned, key=lambda timer: timer.moment("next_run"))
        yield f"next: {soonest.text('name')} {until_text(soonest.moment('next_run'), now)}"


def _unwatched(root: Document, terminal: Terminal) -> Iterator[str]:
    """A line only where something is not watched although it should be, or where watching does not tell everything."""
    missing, polled, path = root.count("folders_not_watched"), root.count("folders_polled"), root.text("root")
    why = ", ".join(root.texts("reasons"))
    if missing:
        total = missing + root.count("folders_watched")
        told = f"{missing} of {count_text(total, 'folder')} below {path} cannot be watched, only polled: {why}"
        yield from terminal.wrap(told, "", "  ")
    elif polled and why and root.text("mode") == "auto":
        place = path if root.flag("is_polled") else f"{count_text(polled, 'folder')} below {path}"
        yield from terminal.wrap(f"also polled: {place} ({why})", "", "  ")


def _explanations(answer: Answer, daemon: Daemon, terminal: Terminal) -> Iterator[str]:
    issues = answer.document.parts("issues")
    if issues:
        yield ""
        yield from findings_lines(issues, terminal, indent="", where=False)
    unhealthy = [model for model in answer.document.parts("models") if model.text("status") != "healthy"]
    for model in unhealthy[:MOST_EXPLAINED]:
        yield from _explanation(model, daemon, terminal)
    if len(unhealthy) > MOST_EXPLAINED:
        yield ""
        yield f"{len(unhealthy) - MOST_EXPLAINED} more are not healthy; see `healthctl status MODEL`"
    advised = [model.text("id") for model in answer.document.parts("models") if _is_advised(model)]
    if advised:
        more = f" and {len(advised) - MOST_READING} more" if len(advised) > MOST_READING else ""
        yield ""
        told = f"advice on healthy models: {', '.join(advised[:MOST_READING])}{more}; see `healthctl status MODEL`"
        yield from terminal.wrap(told, "", "  ")


def _is_advised(model: Document) -> bool:
    return model.text("status") == "healthy" and model.count("issue_count") > 0


def _explanation(model: Document, daemon: Daemon, terminal: Terminal) -> Iterator[str]:
    try:
        # The id as it came, not as it is shown: it may hold characters that only its escapes can show.
        findings = daemon.get_model(model.plain["id"]).document.part("model").parts("issues")
    except ClientError as error:
        if error.code == "model-not-found":  # it went between the two requests
            return
        raise
    if findings:
        yield ""
        yield f"{model.text('id')}:"
        more = f"see `healthctl status {model.text('id')}`"
        yield from findings_lines(findings, terminal, indent="  ", where=False, most=MOST_OF_EACH, rest=more)
