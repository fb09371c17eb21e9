"""`healthctl jobs`."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence

from wan_healthd.cli import exits
from wan_healthd.cli.tables import Table
from wan_healthd.cli.terminal import Terminal
from wan_healthd.cli.timers import timer_lines
from wan_healthd.cli.wording import NOTHING, size_text, time_text
from wan_healthd.client.daemon import Daemon
from wan_healthd.client.document import Document

_HEADERS = ("JOB", "KIND", "STATE", "READ", "STARTED", "RESULT", "MODEL")
_MODEL = 6


def arguments(parser: ArgumentParser) -> None:
    """Add the command's own arguments."""
    parser.description = "Shows what runs and ran lately, and when what is scheduled runs next. Exit status 0."


def run(_options: Namespace, daemon: Daemon, terminal: Terminal) -> int:
    """Show them."""
    answer = daemon.list_jobs()
    if terminal.as_json:
        terminal.document(answer.body, answer.document.plain)
        return exits.HEALTHY
    jobs = answer.document.parts("jobs")
    terminal.say_all(_lines(jobs, terminal) if jobs else ["nothing runs or ran lately"])
    terminal.say_all(timer_lines(answer.document.parts("timers"), terminal))
    return exits.HEALTHY


def _lines(jobs: Sequence[Document], terminal: Terminal) -> Iterator[str]:
    """A table if it fits uncut, else two lines for each job."""
    table = Table(_HEADERS, [_job(job) for job in jobs], flexible=_MODEL, right=frozenset({0}))
    if terminal.width is None or table.natural_width() <= terminal.width:
        yield from table.lines(terminal.width, lambda _row, _column, padded: padded)
        return
    for number, kind, state, read, started, result, model in table.rows:
        about = kind if model == NOTHING else f"{kind} of {model}"
        end = state if result == NOTHING else f"{state}, {result}"
        yield from terminal.wrap(f"{about}: {end}", f"{number:>3}  ", "       ")
        yield f"     {read} read, begun {started}"


def _job(job: Document) -> tuple[str, ...]:
    return (
        str(job.count("id")),
        job.text("kind"),
        job.text("state"),
        _read(job),
        time_text(job.moment("started_at")),
        _result(job),
        job.text_or_none("model_id") or NOTHING,
    )


def _read(job: Document) -> str:
    done, total = size_text(job.count("done_bytes")), job.count("total_bytes")
    return f"{done} of {size_text(total)}" if total else done


def _result(job: Document) -> str:
    result, error = job.part_or_none("result"), job.part_or_none("error")
    if result is not None:
        return result.text("health_status")
    return NOTHING if error is None else error.text("code")
