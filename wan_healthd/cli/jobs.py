"""`healthctl jobs`."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from wan_healthd.cli import exits
from wan_healthd.cli.tables import Table
from wan_healthd.cli.terminal import Terminal
from wan_healthd.cli.wording import NOTHING, size_text, time_text
from wan_healthd.client.daemon import Daemon
from wan_healthd.client.document import Document


def arguments(parser: ArgumentParser) -> None:
    """Add the command's own arguments."""
    parser.description = "Shows what runs and ran lately, and when what is scheduled runs next. Exit status 0."


def run(_options: Namespace, daemon: Daemon, terminal: Terminal) -> int:
    """Show them."""
    answer = daemon.list_jobs()
    if terminal.as_json:
        terminal.document(answer.body, answer.document.plain)
        return exits.HEALTHY
    jobs, timers = answer.document.parts("jobs"), answer.document.parts("timers")
    if jobs:
        headers = ("JOB", "KIND", "STATE", "READ", "STARTED", "RESULT", "MODEL")
        _say_table(Table(headers, [_job(job) for job in jobs], flexible=6, right=frozenset({0})), terminal)
    else:
        terminal.say("nothing runs or ran lately")
    if timers:
        terminal.say()
        _say_table(Table(("TIMER", "NEXT", "LAST"), [_timer(timer) for timer in timers], flexible=0), terminal)
    return exits.HEALTHY


def _say_table(table: Table, terminal: Terminal) -> None:
    terminal.say_all(table.lines(terminal.width, lambda _row, _column, padded: padded))


def _job(job: Document) -> tuple[str, ...]:
    return (
        str(job.count("id")),
        job.text("kind"),
        job.text("state"),
        f"{size_text(job.count('done_bytes'))} of {size_text(job.count('total_bytes'))}",
        time_text(job.moment("started_at")),
        _result(job),
        job.text("model_id"),
    )


def _result(job: Document) -> str:
    result, error = job.part_or_none("result"), job.part_or_none("error")
    if result is not None:
        return result.text("health_status")
    return NOTHING if error is None else error.text("code")


def _timer(timer: Document) -> tuple[str, ...]:
    return timer.text("name"), time_text(timer.moment_or_none("next_run")), time_text(timer.moment_or_none("last_run"))
