"""A command that generates: the daemon is told before it begins, while it runs, and after its end."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from wan_healthd.cli import child
from wan_healthd.cli.terminal import Terminal
from wan_healthd.client.daemon import Daemon
from wan_healthd.client.errors import ClientError

HOLDS_S = 600.0
"""If we are killed, sweeps go on after that."""

RENEWED_EVERY_S = HOLDS_S / 3
ANSWER_S = 3.0
"""The command waits for it."""


def accompany(
    command: Sequence[str],
    model: str | None,
    note: str,
    daemon: Daemon,
    terminal: Terminal,
    every_s: float = RENEWED_EVERY_S,
) -> int:
    """Run the command, whether or not the daemon can be told; returns its exit status.

    The announcement is renewed, or tried again, every `every_s` seconds.
    """
    announcement = _Announcement({"model": model, "note": note, "expires_in_seconds": HOLDS_S}, daemon, terminal)
    announcement.keep()
    return child.attend(command, announcement.keep, every_s, announcement.end)


class _Announcement:
    """Tries again and again; complains once."""

    def __init__(self, fields: dict[str, object], daemon: Daemon, terminal: Terminal) -> None:
        self._fields = fields
        self._daemon = daemon
        self._terminal = terminal
        self._number: int | None = None
        self._has_warned = False

    def keep(self) -> None:
        """Have it hold for another while; where it is not known, begin it."""
        try:
            if self._number is None:
                answer = self._daemon.start_generation(self._fields, ANSWER_S)
                self._number = answer.document.part("generation").count("id")
            else:
                self._daemon.renew_generation(self._number, HOLDS_S, ANSWER_S)
        except ClientError as error:
            self._failed(error)

    def end(self) -> None:
        """It is over."""
        if self._number is not None:
            try:
                self._daemon.end_generation(self._number, ANSWER_S)
            except ClientError as error:
                self._failed(error)

    def _failed(self, error: ClientError) -> None:
        if error.code == "generation-not-found":  # a new history, or somebody ended it: the next time it begins anew
            self._number = None
        elif not self._has_warned:
            self._has_warned = True
            with suppress(OSError):  # whoever read our errors may have gone; the command runs all the same
                self._terminal.warn(f"healthctl: sweeps may not make way for this: {error.message}")
