"""`healthctl trust MODEL [FILE…] [--yes] [--reason TEXT]`."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence

from wan_healthd.cli import exits
from wan_healthd.cli.files import describe
from wan_healthd.cli.parser import model_id
from wan_healthd.cli.terminal import Terminal
from wan_healthd.cli.verdicts import verdict_lines
from wan_healthd.cli.wording import count_text
from wan_healthd.client.daemon import Daemon
from wan_healthd.client.document import Document
from wan_healthd.client.errors import ClientError
from wan_healthd.domain.paths import display, printable

MOST_LISTED = 20


def arguments(parser: ArgumentParser) -> None:
    """Add the command's own arguments."""
    parser.description = (
        "Accepts the bytes that a model's files have now as the new truth; a file that is gone is forgotten. Damage that is "
        "accepted is never reported again, so it asks first. Who did it, and why, is recorded. Exit status 0 if the model is "
        "healthy then."
    )
    parser.add_argument("model", type=model_id, metavar="MODEL", help="the model's id")
    parser.add_argument(
        "files", nargs="*", metavar="FILE", help="only these files, as `healthctl files` shows them, or by their path"
    )
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--reason", default="", metavar="TEXT", help="why; goes into the record")


def run(options: Namespace, daemon: Daemon, terminal: Terminal) -> int:
    """Find the files, ask, do it, show the verdict that follows."""
    listed = daemon.list_files(options.model).document.parts("files")
    chosen = [_find(word, listed) for word in options.files]
    if not options.yes:
        _confirm(options.model, chosen or listed, terminal)
    answer = daemon.trust(options.model, [file.plain["path"] for file in chosen], options.reason)
    verdict = answer.document.part("model")
    if terminal.as_json:
        terminal.document(answer.body, answer.document.plain)
    else:
        terminal.say_all(verdict_lines(verdict, terminal))
    return exits.health(verdict.text("health_status"))


def _find(word: str, listed: Sequence[Document]) -> Document:
    """The listed file that a word means: by its absolute path, or by the end of it if that fits only one."""
    shown = display(os.fsencode(word))
    exact = [file for file in listed if file.text("path") in (shown, _absolute(word))]
    fitting = exact or [file for file in listed if file.text("path").endswith(f"/{shown}")]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise ClientError(
            "invalid-request",
            f"cannot tell which file {shown} is: {count_text(len(fitting), 'file')} end so",
            "give its whole path",
        )
    raise ClientError("file-not-found", f"cannot find the file {shown} in that model", "see `healthctl files MODEL`")


def _absolute(word: str) -> str:
    try:
        return display(os.path.abspath(os.fsencode(word)))
    except FileNotFoundError:  # the working folder is gone
        return display(os.fsencode(word))


def _confirm(name: str, files: Sequence[Document], terminal: Terminal) -> None:
    if sys.stdin is None or not sys.stdin.isatty():
        raise ClientError(
            "needs-confirmation",
            "cannot ask whether to trust these files: the input is not a terminal",
            "add --yes if you are sure",
        )
    for file in files[:MOST_LISTED]:
        terminal.warn(f"  {describe(file)}")
    if len(files) > MOST_LISTED:
        terminal.warn(f"  ... and {len(files) - MOST_LISTED} more")
    question = f"Accept the present bytes of {count_text(len(files), 'file')} of {printable(name)} as the new truth? [y/N]"
    if terminal.ask(question).lower() not in ("y", "yes"):
        raise ClientError("declined", "cannot go on without your consent: nothing was changed")
