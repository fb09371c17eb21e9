"""A command run as our child: it has our terminal and our signals, and its end is ours."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterable, Sequence

from wan_healthd.client.errors import ClientError
from wan_healthd.domain.paths import printable

_BY_SIGNAL = 128
"""Plus the signal's number: what shells make of a command that a signal ended."""

_PASSED_ON = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)
_AWAITED = (signal.SIGCHLD, *_PASSED_ON)
_IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)


def attend(command: Sequence[str], meanwhile: Callable[[], None], every_s: float, afterwards: Callable[[], None]) -> int:
    """Run the command to its end; returns the exit status that tells of it.

    Signals wait for us while we do something else, so that none comes between the child's end and `afterwards`.

    Args:
        command: its name, looked for in $PATH, and its arguments.
        meanwhile: called while it runs.
        every_s: seconds between two such calls.
        afterwards: called in the end, also where it cannot be run.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _AWAITED)
    was_child = signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # whoever ignores it has no children to wait for
    try:
        return _exit_status(_to_its_end(_begin(command, before), meanwhile, every_s))
    finally:
        afterwards()
        while signal.sigtimedwait(_AWAITED, 0):
            pass  # they were for the child
        signal.signal(signal.SIGCHLD, was_child)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin(command: Sequence[str], mask: Iterable[int]) -> int:
    try:
        return os.posix_spawnp(command[0], list(command), os.environ, setsigmask=mask, setsigdef=_IGNORED_BY_PYTHON)
    except OSError as error:
        code = "command-not-found" if isinstance(error, FileNotFoundError) else "command-not-executable"
        raise ClientError(
            code, f"cannot run {printable(command[0])}: {error.strerror}", "name a program that is in $PATH, or its path"
        ) from None


def _to_its_end(child: int, meanwhile: Callable[[], None], every_s: float) -> int:
    next_s = time.monotonic() + every_s
    while True:
        came = signal.sigtimedwait(_AWAITED, max(0.0, next_s - time.monotonic()))
        if came is None:
            meanwhile()
            next_s = time.monotonic() + every_s
        elif came.si_signo != signal.SIGCHLD and came.si_code <= 0:  # what the kernel sends, as for Ctrl-C, the child gets, too
            os.kill(child, came.si_signo)
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status


def _exit_status(status: int) -> int:
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else _BY_SIGNAL - code
