"""The command line of `wan-healthd`."""

from __future__ import annotations

import argparse
import os
import sys

from wan_healthd.config.credentials import stored_token
from wan_healthd.config.environment import hub_access
from wan_healthd.config.files import find_source
from wan_healthd.config.loader import load
from wan_healthd.config.on_disk import check
from wan_healthd.config.printing import to_toml
from wan_healthd.config.remarks import remarks
from wan_healthd.daemon import manual, state_options
from wan_healthd.domain.errors import HealthdError
from wan_healthd.domain.settings import Settings
from wan_healthd.usage.completion import FILE, SHELLS, WHERE_TO_PUT_IT, script
from wan_healthd.usage.sections import Paragraphs, add_section
from wan_healthd.version import __version__

EXIT_USAGE = 2
EXIT_FAILED = 6
EXIT_INTERRUPTED = 130
EXIT_BROKEN_PIPE = 141


def main(arguments: list[str] | None = None) -> int:
    """Run; returns the exit status of the contract."""
    options = parser().parse_args(arguments)
    try:
        return int(options.act(options))
    except HealthdError as error:
        print(f"wan-healthd: {error.message}", file=sys.stderr)
        if error.suggestion:
            print(f"  what to do: {error.suggestion}", file=sys.stderr)
        return EXIT_USAGE if error.code in ("config-invalid", "invalid-request") else EXIT_FAILED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # so that the interpreter's own flush does not fail, too
        return EXIT_BROKEN_PIPE
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED


def parser() -> argparse.ArgumentParser:
    """The whole command line, which is also what its manual page and completions are made from."""
    parser = argparse.ArgumentParser(
        prog="wan-healthd",
        usage="%(prog)s [OPTION ...] [COMMAND ...]",
        description=manual.DESCRIPTION,
        epilog="The manual pages wan-healthd(8) and wan-healthd.toml(5) say more.",
        formatter_class=Paragraphs,
    )
    parser.add_argument("--version", action="version", version=f"wan-healthd {__version__}")
    parser.add_argument("--config", metavar="FILE", help="configuration file (default: /etc/wan-healthd/config.toml)")
    parser.add_argument(
        "--log-level",
        default="info",
        metavar="LEVEL",
        choices=["debug", "info", "warning", "error"],
        help="what is logged: debug, info, warning or error (default: info)",
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--check-config", action="store_true", help="report all errors of the configuration and exit")
    what.add_argument("--print-config", action="store_true", help="print the effective configuration as TOML and exit")
    what.add_argument(
        "--rebuild-state",
        action="store_true",
        help="set the state aside, sound or damaged, so that the next start begins anew, and exit;"
        " baselines, trust and past events are lost. Stop the daemon first, and give this the same user and STATE_DIRECTORY",
    )
    state_options.add_arguments(parser, what)
    parser.set_defaults(act=_daemon)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", prog="wan-healthd")
    _add_scan(commands)
    _add_demo(commands)
    _add_completion(commands)
    for title, entries in manual.SECTIONS:
        add_section(parser, title, entries)
    return parser


def _add_scan(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    scan = commands.add_parser(
        "scan",
        help="check folders or files once, without a daemon",
        description="Check folders or files once, without a daemon. Nothing is changed.",
        epilog="Exit status: 0 all healthy, 1 something is not, 2 usage, 3 a path cannot be read at all, 6 failed.",
    )
    scan.add_argument("paths", nargs="+", metavar="PATH", help="a folder with models, a model's folder, or one file")
    scan.add_argument("--full", action="store_true", help="read every byte, also of files that the state knows as unchanged")
    scan.add_argument("--json", action="store_true", help="one JSON document instead of text")
    scan.add_argument("--jobs", type=_jobs, default=2, metavar="N", help="files read at the same time, 1 to 8 (default: 2)")
    scan.add_argument("--state", metavar="FILE", help="keep what was learnt here, and compare with it the next time")
    scan.set_defaults(act=_scan)


def _add_demo(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    demo = commands.add_parser(
        "demo",
        help="a tour on sample models",
        description="A tour on sample models that it makes: watch, damage, detection, localisation, alerts, sweeps, report. It"
        " takes about half a minute, and pauses between its steps on a terminal. Nothing outside its own folder is touched.",
    )
    demo.add_argument("--yes", action="store_true", help="do not pause between the steps")
    demo.add_argument("--keep", action="store_true", help="leave the folder with models, state and log behind, and say where")
    demo.set_defaults(act=_demo)


def _add_completion(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    completion = commands.add_parser(
        "completion",
        help="completions for your shell",
        description="Prints a script that lets your shell complete the commands and options of wan-healthd.\n\n"
        + WHERE_TO_PUT_IT.format(prog="wan-healthd"),
        formatter_class=Paragraphs,
    )
    completion.add_argument("shell", choices=SHELLS, metavar="SHELL", help=", ".join(SHELLS))
    completion.set_defaults(act=_completion)


def _jobs(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 8):  # noqa: PLR2004 - the bound is in the help
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to 8")
    return int(text)


def _daemon(options: argparse.Namespace) -> int:
    if options.rebuild_state:
        from wan_healthd.daemon.rebuild import rebuild_state

        return rebuild_state()
    if state_options.is_asked(options):
        return state_options.run(options)
    source = find_source(options.config, os.environ)
    settings = load(source)
    if options.print_config:
        print(to_toml(settings), end="")
        return 0
    if options.check_config:
        return _check_config(settings)
    from wan_healthd.daemon.run import run

    return run(source, settings, options.log_level)


def _check_config(settings: Settings) -> int:
    if settings.hub.lookup:
        token = stored_token(os.environ)
        hub_access(os.environ, token.value)
        if token.complaint:
            print(f"wan-healthd: {token.complaint}", file=sys.stderr)
    problems = check(settings)
    for problem in problems:
        print(problem, file=sys.stderr)
    if not problems:
        print("the configuration is good", *remarks(settings), sep="\n")
    return EXIT_USAGE if problems else 0


def _demo(options: argparse.Namespace) -> int:
    from wan_healthd.daemon.demo.run import run

    return run(keep=options.keep, pauses=not options.yes)


def _completion(options: argparse.Namespace) -> int:
    print(script(parser(), options.shell, lambda action: FILE if action.dest in manual.TAKES_FILES else None))
    return 0


def _scan(options: argparse.Namespace) -> int:
    from wan_healthd.daemon.scan import ScanOptions, scan

    paths = tuple(os.path.abspath(os.fsencode(path)) for path in options.paths)
    state = None if options.state is None else os.path.abspath(os.fsencode(options.state))
    return scan(ScanOptions(paths, state, full=options.full, as_json=options.json, jobs=options.jobs))


if __name__ == "__main__":
    sys.exit(main())
