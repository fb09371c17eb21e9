"""How the tour speaks: in 80 columns, in colour only on a terminal, and with a pause between two steps only there."""

from __future__ import annotations

import os
import sys
import textwrap
from collections.abc import Mapping
from typing import TextIO

WIDTH = 80


class Voice:
    """Titles, sentences and commands on standard output.

    Args:
        pauses: whether to wait for Enter between two steps; never where nobody sits at a terminal.
    """

    def __init__(self, out: TextIO, environ: Mapping[str, str], *, pauses: bool) -> None:
        self._out = out
        self.on_terminal = out.isatty()
        self._pauses = pauses and self.on_terminal and sys.stdin is not None and sys.stdin.isatty()
        self._colours = self.on_terminal and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"
        self._width = min(WIDTH, os.get_terminal_size(out.fileno()).columns or WIDTH) if self.on_terminal else WIDTH
        self._steps = 0

    def title(self, text: str) -> None:
        """Begin a step; on a terminal, when Enter was pressed."""
        if self._steps and self._pauses:
            self._pause()
        self._steps += 1
        self._print("")
        self._print(self._painted(f"{self._steps}. {text}", "1"))

    def say(self, text: str) -> None:
        """A paragraph; words, such as paths, stay whole."""
        lines = textwrap.wrap(text, self._width, break_long_words=False, break_on_hyphens=False)
        self._print("\n".join(lines))

    def then(self, text: str) -> None:
        """A paragraph after what a command has said."""
        self._print("")
        self.say(text)

    def command(self, typed: str) -> None:
        """What somebody would type to get what follows."""
        self._print("")
        self._print(self._painted(f"$ {typed}", "36"))

    def quote(self, text: str) -> None:
        """Lines of a file, as they are."""
        self._print(textwrap.indent(text.rstrip("\n"), "  "))

    def aside(self, text: str) -> None:
        """A line that somebody else says meanwhile."""
        self._print(self._painted(f"  >> {text}", "35"))

    def _pause(self) -> None:
        self._print("")
        print(self._painted("[Enter] goes on, Ctrl-C ends", "2"), end=" ", file=self._out, flush=True)
        self._pauses = bool(sys.stdin.readline())

    def _painted(self, text: str, colour: str) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self._colours else text

    def _print(self, text: str) -> None:
        print(text, file=self._out, flush=True)  # before a command of ours writes to the same place
