"""`healthctl models [list [--ids] | forget MODEL [--yes] [--reason TEXT]]`."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence

from wan_healthd.cli import exits
from wan_healthd.cli.consent import ask_consent
from wan_healthd.cli.files import describe
from wan_healthd.cli.parser import global_options, model_id
from wan_healthd.cli.tables import Table
from wan_healthd.cli.terminal import Terminal
from wan_healthd.cli.wording import count_text, size_text
from wan_healthd.client.daemon import Daemon
from wan_healthd.client.document import Document
from wan_healthd.client.errors import ClientError
from wan_healthd.domain.paths import printable

_HEADERS = ("MODEL", "LAYOUT", "STATUS", "FILES", "SIZE", "PATH")
_STATUS, _PATH = 2, 5


def arguments(parser: ArgumentParser) -> None:
    """Add the command's own arguments."""
    parser.description = (
        "Shows the models that the daemon knows and where they are. It finds them below its roots by itself; [[models]] in "
        "its configuration states those that must be there. One that you deleted stays listed as missing until you have it "
        "forgotten. Exit status 0."
    )
    words = parser.add_subparsers(dest="word", metavar="WORD")
    listing = words.add_parser("list", help="all of them (also without a word)")
    listing.add_argument("--ids", action="store_true", help="only their ids, one a line")
    forget = words.add_parser("forget", help="forget a model whose files are all gone; asks, and is recorded")
    forget.add_argument("model", type=model_id, metavar="MODEL", help="the model's id")
    forget.add_argument("--yes", action="store_true", help="do not ask")
    forget.add_argument("--reason", default="", metavar="TEXT", help="why; goes into the record")
    for word in words.choices.values():
        global_options(word)


def run(options: Namespace, daemon: Daemon, terminal: Terminal) -> int:
    """Show them, or forget one."""
    if options.word == "forget":
        return _forget(options, daemon, terminal)
    answer = daemon.list_models()
    models = answer.document.parts("models")
    if terminal.as_json:
        terminal.document(answer.body, answer.document.plain)
    elif options.word == "list" and options.ids:
        terminal.say_all(model.text("id") for model in models)
    else:
        terminal.say_all(_lines(models, terminal))
    return exits.HEALTHY


def _lines(models: Sequence[Document], terminal: Terminal) -> Iterator[str]:
    """A table if its paths fit uncut, else two lines for each model."""
    if not models:
        yield "no models"
        return
    rows = [_row(model) for model in models]
    table = Table(_HEADERS, rows, flexible=_PATH, right=frozenset({3, 4}))
    if terminal.width is not None and table.natural_width() > terminal.width:
        for (name, layout, status, _, size, path), model in zip(rows, models, strict=True):
            facts = f"{layout}, {count_text(model.count('file_count'), 'file')}, {size}"
            yield from terminal.wrap_status(status, f", {facts}", f"{name}: ", "    ")
            yield f"  {path}"
        return

    def paint(row: int, column: int, padded: str) -> str:
        return terminal.paint_status(rows[row][_STATUS], padded) if column == _STATUS else padded

    yield from table.lines(terminal.width, paint)


def _row(model: Document) -> tuple[str, ...]:
    return (
        model.text("id"),
        model.text("layout"),
        model.text("status"),
        str(model.count("file_count")),
        size_text(model.count("size_bytes")),
        model.text("path"),
    )


def _forget(options: Namespace, daemon: Daemon, terminal: Terminal) -> int:
    """Accept that each of its files is gone. Only these are named, so that one that returns meanwhile is not lost sight of."""
    name = printable(options.model)
    files = daemon.list_files(options.model).document.parts("files")
    present = [file for file in files if file.text("status") != "missing"]
    if present:
        raise ClientError(
            "model-present",
            f"cannot forget {name}: {_there(len(present), len(files))}",
            "move them out of the watched folder first; or accept that single files are gone: `healthctl trust MODEL FILE`",
        )
    if not options.yes:
        ask_consent(f"Forget {name} and its {count_text(len(files), 'file')}?", [describe(file) for file in files], terminal)
    answer = daemon.trust(options.model, [file.plain["path"] for file in files], options.reason)
    is_stated = any(model.plain["id"] == options.model for model in daemon.list_models().document.parts("models"))
    if terminal.as_json:
        terminal.document(answer.body, answer.document.plain)
    elif is_stated:
        terminal.say(f"the files of {name} are forgotten; it stays listed, because [[models]] in the configuration states it")
    else:
        terminal.say(f"{name} is forgotten")
    return exits.UNHEALTHY if is_stated else exits.HEALTHY


def _there(present: int, total: int) -> str:
    if present == total:
        return "its file is there" if total == 1 else f"its {total} files are there"
    return f"{present} of its {total} files {'is' if present == 1 else 'are'} there"
