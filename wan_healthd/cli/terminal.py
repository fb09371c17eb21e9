"""Where output goes and what that place can show."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TextIO

from wan_healthd.cli.tables import fill
from wan_healthd.client.errors import ClientError

_COLOURS = {"red": "31", "yellow": "33", "green": "32", "grey": "2", "bold": "1"}
_COLOUR_OF_STATUS = {"healthy": "green", "degraded": "yellow", "unknown": "yellow", "corrupted": "red", "missing": "red"}
_NARROWEST = 20
_USUAL, _USUAL_LINES = 80, 24


class Terminal:
    """Standard output and error.

    `width` is the number of columns to fit, None where nothing needs to fit: output into a file or a pipe, unless $COLUMNS is
    set. Colours only on a terminal, and never with $NO_COLOR.
    """

    def __init__(self, out: TextIO, err: TextIO, environ: Mapping[str, str], *, as_json: bool, no_color: bool) -> None:
        self._out = out
        self._err = err
        self._environ = environ
        self.as_json = as_json
        self.is_interactive = out.isatty()
        self.shows_progress = err.isatty() and not as_json
        self.width = width_of(out, environ)
        self.progress_width = width_of(err, environ) or _USUAL
        self._colours = self.is_interactive and not no_color and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"
        for stream in (out, err):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")

    def say(self, line: str = "") -> None:
        """A line on standard output."""
        print(line, file=self._out)

    def say_all(self, lines: Iterable[str]) -> None:
        """Lines on standard output."""
        for line in lines:
            self.say(line)

    def flush(self) -> None:
        """Let whoever reads have it now."""
        self._out.flush()

    def picture(self, lines: Sequence[str], height: int) -> None:
        """Paint these lines over the last picture, as one write and without clearing first, so that nothing flickers.

        For `cli.screen`, on a terminal of `height` lines: what is too long or too many is cut off.
        """
        shown = [*lines[: height - 1], f"... {len(lines) - height + 1} more lines"] if len(lines) > height else lines
        # Each line is erased before it is written: at its end the cursor may stand on its last character.
        below = "\n\x1b[J" if len(shown) < height else ""
        self._out.write("\x1b[H" + "\n".join(f"\x1b[K{line}" for line in shown) + below)
        self._out.flush()

    def control(self, sequence: str) -> None:
        """A control sequence for the terminal."""
        self._out.write(sequence)
        self._out.flush()

    def size(self) -> os.terminal_size:
        """Columns and lines of the terminal now: it may have been resized."""
        return size_of(self._out)

    def fit(self) -> None:
        """Take note of the terminal's present width."""
        self.width = width_of(self._out, self._environ)

    def document(self, body: bytes, plain: dict[str, Any]) -> None:
        """The API's document: unchanged into a file or pipe; on a terminal indented, and in ASCII, which cannot harm it."""
        if self.is_interactive:
            self.say(json.dumps(plain, indent=2))
        elif (self._out.encoding or "utf-8").lower().replace("-", "") == "utf8":
            self.say(body.decode("utf-8"))
        else:
            self.json_line(plain)

    def json_line(self, plain: dict[str, Any]) -> None:
        """An object of the API's on a line of its own."""
        self.say(json.dumps(plain, separators=(",", ":")))

    def warn(self, line: str) -> None:
        """A line on standard error; what was said before comes first."""
        self._out.flush()
        print(line, file=self._err, flush=True)

    def complain(self, error: ClientError) -> None:
        """What, why, and what to do."""
        self.warn(f"healthctl: {error.message}")
        if error.suggestion:
            self.warn(f"  -> {error.suggestion}")

    def progress(self, line: str) -> None:
        """Replace the progress line, which fits `progress_width`; only where `shows_progress`."""
        if self.shows_progress:
            print(f"\r\x1b[K{line}", end="", file=self._err, flush=True)

    def end_progress(self) -> None:
        """Take the progress line away."""
        self.progress("")

    def ask(self, question: str) -> str:
        """The answer to a question, from standard input; "" at its end."""
        self._out.flush()
        try:
            print(question, end=" ", file=self._err, flush=True)
            return sys.stdin.readline().strip()
        except KeyboardInterrupt:
            self.warn("")
            raise

    def paint(self, text: str, colour: str) -> str:
        """The text in a colour, where there are any; "" leaves it as it is."""
        if not (self._colours and colour):
            return text
        return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m"

    def paint_status(self, status: str, text: str | None = None) -> str:
        """The text (the status itself if None) in the colour of a health status."""
        return self.paint(status if text is None else text, _COLOUR_OF_STATUS.get(status, ""))

    def wrap(self, text: str, indent: str, hanging: str) -> list[str]:
        """The text in lines that fit; words, such as paths, stay whole."""
        return fill(text, self.width, indent, hanging)

    def wrap_painted(self, word: str, colour: str, rest: str, indent: str, hanging: str) -> list[str]:
        """As `wrap`, of a word in a colour and what follows it."""
        first, *more = self.wrap(word + rest, indent, hanging)
        return [indent + self.paint(word, colour) + first[len(indent) + len(word) :], *more]

    def wrap_status(self, status: str, rest: str, indent: str, hanging: str) -> list[str]:
        """As `wrap`, of a health status in its colour and what follows it."""
        return self.wrap_painted(status, _COLOUR_OF_STATUS.get(status, ""), rest, indent, hanging)


def width_of(out: TextIO, environ: Mapping[str, str]) -> int | None:
    """Columns that output must fit; None where it need not."""
    stated = environ.get("COLUMNS", "")
    if stated.isascii() and stated.isdigit() and int(stated[:6]) > 0:
        return max(_NARROWEST, int(stated[:6]))
    if not out.isatty():
        return None
    return max(_NARROWEST, size_of(out).columns)


def size_of(out: TextIO) -> os.terminal_size:
    """Columns and lines of the terminal that `out` is; what is unknown is taken for 80 by 24."""
    try:
        size = os.get_terminal_size(out.fileno())
    except OSError:
        return os.terminal_size((_USUAL, _USUAL_LINES))
    return os.terminal_size((size.columns or _USUAL, size.lines or _USUAL_LINES))
