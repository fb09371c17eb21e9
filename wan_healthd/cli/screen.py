"""A live picture on a terminal: the alternate screen, painted over, and given back as it was."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from wan_healthd.cli.terminal import Terminal
from wan_healthd.client.errors import ClientError, DaemonUnreachable

# xterm's private modes: 1049 the alternate screen, 25 the cursor, 7 lines that go on in the next row.
_ENTER, _LEAVE = "\x1b[?1049h\x1b[?25l\x1b[?7l", "\x1b[?7h\x1b[?25h\x1b[?1049l"


def show_live(picture: Callable[[], Sequence[str]], terminal: Terminal, every_s: float) -> None:
    """Show a picture, made anew every so many seconds, until interrupted.

    A daemon that does not answer is waited for, and the picture says so: somebody who watches wants to see it return.
    """
    with _screen(terminal):
        while True:
            terminal.fit()
            terminal.picture(_made(picture, terminal), terminal.size().lines)
            time.sleep(every_s)


def _made(picture: Callable[[], Sequence[str]], terminal: Terminal) -> Sequence[str]:
    try:
        return picture()
    except DaemonUnreachable as error:
        return _explained(error, terminal)


def _explained(error: ClientError, terminal: Terminal) -> list[str]:
    told = terminal.wrap(f"{error.message}; trying again", "", "  ")
    return [*told, *terminal.wrap(f"-> {error.suggestion}", "  ", "     ")]


@contextmanager
def _screen(terminal: Terminal) -> Iterator[None]:
    terminal.control(_ENTER)
    try:
        yield
    finally:
        terminal.control(_LEAVE)
