"""`healthctl files MODEL [--bad]`."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence

from wan_healthd.cli import exits
from wan_healthd.cli.findings import findings_lines
from wan_healthd.cli.manual import PROOF, VERIFIED_BY
from wan_healthd.cli.parser import model_id
from wan_healthd.cli.tables import Table
from wan_healthd.cli.terminal import Terminal
from wan_healthd.cli.wording import NOTHING, count_text, size_text, time_text
from wan_healthd.client.daemon import Daemon
from wan_healthd.client.document import Document
from wan_healthd.usage.sections import add_section

SHORT_DIGEST = 12
_HEADERS = ("STATUS", "SIZE", "VERIFIED BY", "PROOF", "LAST READ", "SHA-256", "FILE")
_STATUS, _DIGEST, _FILE = 0, 5, 6


def arguments(parser: ArgumentParser) -> None:
    """Add the command's own arguments."""
    parser.description = (
        "Shows every file: status, size, the authority its content was compared with, how well that is proven (disk: read from "
        "the disk itself), when its stalest byte was last verified, SHA-256, and what is damaged. Exit status 1 if a file is "
        "not healthy."
    )
    parser.add_argument("model", type=model_id, metavar="MODEL", help="the model's id")
    parser.add_argument("--bad", action="store_true", help="only files that are not healthy (--json still has all)")
    add_section(parser, "verified by", VERIFIED_BY)
    add_section(parser, "proof", PROOF)
    add_section(parser, "examples", (("healthctl files --bad Wan-AI/Wan2.2-T2V-A14B", "Which files are damaged, and where?"),))


def run(options: Namespace, daemon: Daemon, terminal: Terminal) -> int:
    """Show them."""
    answer = daemon.list_files(options.model)
    files = answer.document.parts("files")
    if terminal.as_json:
        terminal.document(answer.body, answer.document.plain)
    else:
        shown = [file for file in files if not options.bad or file.text("status") != "healthy"]
        terminal.say_all(_lines(answer.document.text("model_id"), len(files), shown, terminal))
        if not options.bad:
            terminal.say_all(_unfinished(answer.document.parts("partials"), terminal))
    return max([exits.HEALTHY, *(exits.health(file.text("status")) for file in files)])


def _lines(name: str, total: int, files: Sequence[Document], terminal: Terminal) -> Iterator[str]:
    folder = common_folder([file.text("path") for file in files])
    of_all = f" of {total}" if len(files) < total else ""
    head = f"{name}: {len(files)}{of_all} {'file' if total == 1 else 'files'}" + (f" in {folder}" if folder else "")
    yield from terminal.wrap(head, "", "  ")
    if files:
        yield from _listing(files, folder, terminal)


def _unfinished(partials: Sequence[Document], terminal: Terminal) -> Iterator[str]:
    if partials:
        yield ""
        yield "unfinished, and not judged:"
    for partial in partials:
        taken, written = size_text(partial.count("size_bytes")), time_text(partial.moment("written_at"))
        yield from terminal.wrap(f"{partial.text('path')}, {taken} on the disk, last written to {written}", "  ", "    ")


def common_folder(paths: Sequence[str]) -> str:
    """The folder, with its final slash, that all paths begin with; "" if there is none."""
    if not paths:
        return ""
    first, last = min(paths), max(paths)
    shared = next((place for place, (one, other) in enumerate(zip(first, last, strict=False)) if one != other), len(first))
    return first[: first.rfind("/", 0, shared) + 1]


def _listing(files: Sequence[Document], folder: str, terminal: Terminal) -> Iterator[str]:
    """A table if its names fit uncut, with whole digests or short ones; else a paragraph for each file."""
    rows = [_row(file, folder) for file in files]
    short = [(*row[:_DIGEST], row[_DIGEST][:SHORT_DIGEST], *row[_DIGEST + 1 :]) for row in rows]
    for cells in (rows, short):
        table = Table(_HEADERS, cells, flexible=_FILE, right=frozenset({1}))
        if terminal.width is None or table.natural_width() <= terminal.width:
            return _tabled(table, files, terminal)
    return _stacked(rows, files, terminal)


def _row(file: Document, folder: str) -> tuple[str, ...]:
    return (
        file.text("status"),
        size_text(file.count_or_none("size_bytes")),
        file.text("verified_by"),
        _proof(file),
        time_text(file.moment_or_none("last_read_at")),
        file.text_or_none("sha256") or NOTHING,
        file.text("path").removeprefix(folder),
    )


def _proof(file: Document) -> str:
    """The weakest proof among the file's bytes, and how many of them have the best one, where it is mixed."""
    weakest, size_bytes = file.text_or_none("assurance"), file.count_or_none("size_bytes")
    from_disk_bytes = file.count_or_none("from_disk_bytes")
    if weakest is None or not size_bytes or not from_disk_bytes or from_disk_bytes >= size_bytes:
        return weakest or NOTHING
    return f"{weakest}, {max(1, 100 * from_disk_bytes // size_bytes)}% disk"


def _tabled(table: Table, files: Sequence[Document], terminal: Terminal) -> Iterator[str]:
    def paint(row: int, column: int, padded: str) -> str:
        return terminal.paint_status(table.rows[row][_STATUS], padded) if column == _STATUS else padded

    header, *lines = table.lines(terminal.width, paint)
    yield header
    for line, file in zip(lines, files, strict=True):
        yield line
        yield from findings_lines(file.parts("findings"), terminal, indent="  ", where=True)


def _stacked(rows: Sequence[tuple[str, ...]], files: Sequence[Document], terminal: Terminal) -> Iterator[str]:
    for (status, size, authority, proof, read, digest, name), file in zip(rows, files, strict=True):
        yield name
        yield from terminal.wrap_status(status, f", {size}, {_verified(authority, proof, read)}", "  ", "  ")
        if digest != NOTHING:
            yield f"  sha256 {digest}"
        yield from findings_lines(file.parts("findings"), terminal, indent="  ", where=True)


def _verified(authority: str, proof: str, read: str) -> str:
    return "not read yet" if read == NOTHING else f"verified by {authority} ({proof}) {read}"


def describe(file: Document) -> str:
    """One line about a file, for questions."""
    findings = file.parts("findings")
    wrong = f", {count_text(len(findings), 'finding')}" if findings else ""
    return f"{file.text('path')} ({file.text('status')}, {size_text(file.count_or_none('size_bytes'))}{wrong})"
