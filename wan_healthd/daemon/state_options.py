"""The options of `wan-healthd` that are about its state; what does them is imported only when it is asked for."""

from __future__ import annotations

import argparse


def add_arguments(parser: argparse.ArgumentParser, either: argparse._MutuallyExclusiveGroup) -> None:
    """The options, in words; `either` is the group of those that exclude one another."""
    either.add_argument(
        "--backup-state",
        metavar="FILE",
        help="copy the state to FILE, also while the daemon works, prove the copy, write its digest to FILE.sha256, and exit;"
        " nothing is overwritten. As root or as the daemon's user",
    )
    either.add_argument(
        "--restore-state",
        metavar="FILE",
        help="put a backup in place of the state, which is set aside, and exit. Stop the daemon first. Its next start reads"
        " every file and compares it with what the backup recorded",
    )
    parser.add_argument(
        "--moved-root",
        nargs=2,
        action="append",
        default=[],
        metavar=("OLD", "NEW"),
        help="the models of the root OLD are at NEW now (the same path, if only the disk is another); may be given several"
        " times, alone or with --restore-state. What is there counts as not yet read until it was compared with what was"
        " recorded at OLD, so that what broke on the way is found. Then name NEW in the configuration",
    )


def is_asked(options: argparse.Namespace) -> bool:
    """Whether any of the options is given."""
    return bool(options.backup_state or options.restore_state or options.moved_root)


def run(options: argparse.Namespace) -> int:
    """Do what is asked; returns the exit status. Raises as `daemon.state_care.run`."""
    from wan_healthd.daemon import state_care

    return state_care.run(options)
