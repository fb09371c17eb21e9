"""`healthctl trust MODEL [FILE…] [--yes] [--reason TEXT]`."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence

from wan_healthd.cli import exits
from wan_healthd.cli.consent import ask_consent
from wan_healthd.cli.files import describe
from wan_healthd.cli.parser import model_id
from wan_healthd.cli.terminal import Terminal
from wan_healthd.cli.verdicts import verdict_lines
from wan_healthd.cli.wording import count_text
from wan_healthd.client.daemon import Daemon
from wan_healthd.client.document import Document
from wan_healthd.client.errors import ClientError
from wan_healthd.domain.paths import display, printable
from wan_healthd.usage.sections import add_section

COMPANION_MISSING = "companion-missing"


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
    add_section(
        parser,
        "examples",
        (('healthctl trust --yes --reason "fine-tuned" Wan-AI/Wan2.2-T2V-A14B', "You changed that model on purpose."),),
    )


def run(options: Namespace, daemon: Daemon, terminal: Terminal) -> int:
    """Find the files, ask, do it, show the verdict that follows."""
    listed = {file.text("path"): file for file in daemon.list_files(options.model).document.parts("files")}
    companions = _missing_companions(daemon.get_model(options.model).document.part("model"))
    lines = {path: describe(file) for path, file in listed.items()} | {path: f"{path} (needed, missing)" for path in companions}
    chosen = [_find(word, list(lines)) for word in options.files]
    if not options.yes:
        about = [lines[path] for path in chosen or lines]
        question = (
            f"Accept the present bytes of {count_text(len(about), 'file')} of {printable(options.model)} as the new truth?"
        )
        ask_consent(question, about, terminal)
    exact = [listed[path].plain["path"] if path in listed else companions[path] for path in chosen]
    answer = daemon.trust(options.model, exact, options.reason)
    verdict = answer.document.part("model")
    if terminal.as_json:
        terminal.document(answer.body, answer.document.plain)
    else:
        terminal.say_all(verdict_lines(verdict, terminal))
    return exits.health(verdict.text("health_status"))


def _missing_companions(verdict: Document) -> dict[str, str]:
    """Files beside the model that it needs and that are not there, as they are shown: with the path as the daemon gave it."""
    missing = (issue for issue in verdict.parts("issues") if issue.text("code") == COMPANION_MISSING)
    return {issue.text("path"): issue.plain["path"] for issue in missing}


def _find(word: str, listed: Sequence[str]) -> str:
    """The listed path that a word means: the absolute one, or one that ends so if that fits only one."""
    shown = display(os.fsencode(word))
    exact = [path for path in listed if path in (shown, _absolute(word))]
    fitting = exact or [path for path in listed if path.endswith(f"/{shown}")]
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
