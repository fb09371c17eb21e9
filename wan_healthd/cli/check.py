"""`healthctl check MODEL… [--full] [--no-wait]`."""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace

from wan_healthd.cli import exits
from wan_healthd.cli.parser import model_id
from wan_healthd.cli.progress import Pace, progress_line
from wan_healthd.cli.terminal import Terminal
from wan_healthd.client.daemon import Daemon
from wan_healthd.client.document import Document
from wan_healthd.client.errors import ClientError
from wan_healthd.usage.sections import add_section

FIRST_WAIT_S, LONGEST_WAIT_S = 0.05, 1.0


def arguments(parser: ArgumentParser) -> None:
    """Add the command's own arguments."""
    parser.description = (
        "Checks models now, waits for the end and prints the results. Exit status 0 if all are healthy, 1 if one is not or is "
        'unknown. With --json one document, {"schema", "jobs", "errors"}: the job of each model with the result in it, and why '
        "checks could not be begun."
    )
    parser.add_argument("models", nargs="+", type=model_id, metavar="MODEL", help="a model's id")
    parser.add_argument("--full", action="store_true", help="read every byte, also of files that did not change")
    parser.add_argument("--no-wait", action="store_true", help="only begin; `healthctl jobs` shows how it goes")
    add_section(parser, "examples", (("healthctl check --full wan2.2-ti2v-5b", "Read every byte of this model now."),))


def run(options: Namespace, daemon: Daemon, terminal: Terminal) -> int:
    """Begin all checks, then wait for each. One that fails does not stop the others; the gravest exit status counts."""
    status = exits.HEALTHY
    jobs: list[Document] = []
    errors: list[ClientError] = []
    for name in options.models:
        try:
            jobs.append(daemon.start_check(name, full=options.full).document.part("job"))
        except ClientError as error:
            errors.append(error)
            terminal.complain(error)
            status = max(status, exits.exit_of(error.code))
    if options.no_wait:
        for job in jobs:
            _tell_begun(job, terminal)
    else:
        jobs = _wait_for_all(jobs, daemon, terminal)
        status = max([status, *(_exit(job) for job in jobs)])
    if terminal.as_json:
        terminal.json_line({"schema": 1, "jobs": [job.plain for job in jobs], "errors": [error.plain() for error in errors]})
    return status


def _tell_begun(job: Document, terminal: Terminal) -> None:
    if not terminal.as_json:
        terminal.say(f"{job.text('model_id')}: job {job.count('id')} has begun")


def _wait_for_all(jobs: list[Document], daemon: Daemon, terminal: Terminal) -> list[Document]:
    ended = []
    for job in jobs:
        try:
            ended.append(follow(job, daemon, terminal))
        except KeyboardInterrupt:
            terminal.end_progress()
            terminal.warn("healthctl: no longer waiting; the daemon goes on, see `healthctl jobs`")
            raise
        if not terminal.as_json:
            _tell_end(ended[-1], terminal)
    return ended


def follow(job: Document, daemon: Daemon, terminal: Terminal) -> Document:
    """Wait for the end of a job, with progress on a terminal; returns it as it ended."""
    number, wait_s, pace = job.count("id"), FIRST_WAIT_S, Pace()
    while job.text("state") == "running":
        terminal.progress(_line(job, pace, terminal.progress_width))
        time.sleep(wait_s)
        wait_s = min(LONGEST_WAIT_S, wait_s * 1.5)
        job = _look(number, daemon)
    terminal.end_progress()
    return job


def _look(number: int, daemon: Daemon) -> Document:
    try:
        return daemon.get_job(number).document.part("job")
    except ClientError as error:
        if error.code != "job-not-found":
            raise
        raise ClientError(
            "check-lost", f"cannot follow the check: the daemon no longer knows job {number}", "was it restarted? check again"
        ) from None


def _tell_end(job: Document, terminal: Terminal) -> None:
    from wan_healthd.cli.verdicts import verdict_lines

    result, error = job.part_or_none("result"), job.part_or_none("error")
    if result is not None:
        terminal.say_all(verdict_lines(result, terminal))
    elif error is not None:
        terminal.complain(ClientError(error.text("code"), error.text("message"), error.text("suggestion")))
    else:
        terminal.warn(f"healthctl: cannot tell the health of {job.text('model_id')}: its check ended as {job.text('state')}")


def _exit(job: Document) -> int:
    result, error = job.part_or_none("result"), job.part_or_none("error")
    if result is not None:
        return exits.health(result.text("health_status"))
    return exits.FAILED if error is None else exits.exit_of(error.text("code"))


def _line(job: Document, pace: Pace, width: int) -> str:
    done, total = job.count("done_bytes"), job.count("total_bytes")
    label = job.text_or_none("model_id") or job.text("kind").replace("-", " ")
    return progress_line(label, done, total, pace.look(time.monotonic(), done), width)
