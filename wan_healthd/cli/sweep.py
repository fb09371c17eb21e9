"""`healthctl sweep [status | start [--full] [--wait] | pause [--reason TEXT] | resume]`."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator

from wan_healthd.cli import exits
from wan_healthd.cli.parser import global_options
from wan_healthd.cli.terminal import Terminal
from wan_healthd.cli.timers import timer_lines
from wan_healthd.cli.wording import count_text, size_text, time_text
from wan_healthd.client.daemon import Answer, Daemon
from wan_healthd.client.document import Document
from wan_healthd.domain.making_way import added_up, told
from wan_healthd.usage.sections import add_section

LEAST_S = 60
"""For how long sweeps must have made way that it is worth a word."""


def arguments(parser: ArgumentParser) -> None:
    """Add the command's own arguments."""
    parser.description = (
        "Sweeps look at all files by themselves, on schedule. Without a word it shows them. While they are paused, also over "
        "restarts, nothing is read that nobody asked for and that did not change. Exit status 0."
    )
    words = parser.add_subparsers(dest="word", metavar="WORD")
    words.add_parser("status", help="what is under way, what comes next, and whether it is paused")
    start = words.add_parser("start", help="begin a sweep now")
    start.add_argument("--full", action="store_true", help="read every byte, what was verified longest ago first")
    start.add_argument("--wait", action="store_true", help="wait for its end, with progress")
    pause = words.add_parser("pause", help="let no sweep read until `healthctl sweep resume`")
    pause.add_argument("--reason", default="", metavar="TEXT", help="why; goes into the record")
    words.add_parser("resume", help="let sweeps go on, each at its block")
    for word in words.choices.values():
        global_options(word)
    add_section(
        parser,
        "examples",
        (
            ("healthctl sweep start --full --wait", "Read every byte of every model now, and wait for the end."),
            ('healthctl sweep pause --reason "rendering all night"', "Leave the disks to others."),
        ),
    )


def run(options: Namespace, daemon: Daemon, terminal: Terminal) -> int:
    """Do it, and show how sweeps are then."""
    match options.word:
        case "start":
            return _start(options, daemon, terminal)
        case "pause":
            answer = daemon.pause_sweeps(options.reason)
        case "resume":
            answer = daemon.resume_sweeps()
        case _:
            answer = daemon.list_sweeps()
    return _show(answer, terminal)


def _start(options: Namespace, daemon: Daemon, terminal: Terminal) -> int:
    job = daemon.start_sweep(full=options.full).document.part("job")
    if options.wait:
        from wan_healthd.cli.check import follow  # status needs this module, but not that one

        job = follow(job, daemon, terminal)
    if terminal.as_json:
        terminal.json_line({"schema": 1, "job": job.plain})
    elif options.wait:
        how = f"{job.text('state')}, {size_text(job.count('done_bytes'))} read"
        terminal.say(f"the {job.text('kind').replace('-', ' ')} is {how}; see `healthctl status`")
    else:
        terminal.say(f"job {job.count('id')} has begun; `healthctl sweep` shows how it goes")
    return exits.HEALTHY if job.text("state") in ("running", "done") else exits.FAILED


def _show(answer: Answer, terminal: Terminal) -> int:
    if terminal.as_json:
        terminal.document(answer.body, answer.document.plain)
    else:
        terminal.say_all(_lines(answer.document, terminal))
    return exits.HEALTHY


def _lines(answer: Document, terminal: Terminal) -> Iterator[str]:
    sweeps = answer.parts("sweeps")
    yield from hold_up_lines(answer, terminal)
    for sweep in sweeps:
        yield sweep_line(sweep)
    waiting = [name.replace("-", " ") for name in answer.texts("waiting")]
    if waiting:
        yield f"waiting: {', '.join(waiting)}"
    if not sweeps and not waiting:
        yield "no sweep is under way"
    made_way = {item.text("reason"): spent for item in answer.parts("made_way") if (spent := item.count("seconds")) >= LEAST_S}
    if made_way:
        yield from terminal.wrap(added_up(made_way), "", "  ")
    yield from timer_lines(answer.parts("timers"), terminal)


def hold_up_lines(answer: Document, terminal: Terminal) -> Iterator[str]:
    """What holds sweeps up: a pause, quiet hours, or others who generate, or use the disk or the processors."""
    paused, yielding = answer.part_or_none("paused"), answer.part_or_none("yielding")
    if paused is not None:
        yield from terminal.wrap(pause_line(paused), "", "  ")
    if yielding is not None:
        yield from terminal.wrap(yielding_line(yielding), "", "  ")


def pause_line(paused: Document) -> str:
    """That sweeps are paused, since when, by whom and why."""
    because = f", because: {paused.text('reason')}" if paused.text("reason") else ""
    since = time_text(paused.moment("since"))
    return f"sweeps are paused since {since} by uid {paused.count('by_uid')}{because}; `healthctl sweep resume` ends that"


def yielding_line(yielding: Document) -> str:
    """What sweeps make way for, and until when, by the clock on this wall."""
    until = yielding.moment_or_none("until")
    latest = None if until is None else f"{until.astimezone():%H:%M}"
    return told(yielding.text("reason"), yielding.text_or_none("what") or "", yielding.count("rate_bytes_per_s"), latest)


def sweep_line(sweep: Document) -> str:
    """How far a sweep is."""
    found, left = sweep.count("files_found"), sweep.count("files_left")
    done = f"{found - left} of {count_text(found, 'file')} so far"
    return f"{sweep.text('name').replace('-', ' ')} since {time_text(sweep.moment('began_at'))}: {done}"
