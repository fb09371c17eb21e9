"""Whether the state can be written just now, and who wants to know when that changes."""

from __future__ import annotations

import threading
from collections.abc import Callable

from wan_healthd.store.trouble import Trouble

Listener = Callable[[Trouble | None], None]


class Standing:
    """Told by the threads of the database; listeners are called in those threads and must be quick."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._trouble: Trouble | None = None
        self._listener: Listener = _nobody

    @property
    def trouble(self) -> Trouble | None:
        """What is in the way; None if nothing is known to be."""
        return self._trouble

    def listen(self, listener: Listener) -> None:
        """From now on call `listener` when trouble begins, turns into damage, or ends (None); at once if there is some."""
        with self._guard:
            self._listener = listener
            if self._trouble is not None:
                listener(self._trouble)

    def failed(self, trouble: Trouble | None) -> None:
        """Something failed; None if that was about one statement alone. Damage does not pass."""
        with self._guard:
            if trouble is None or (self._trouble is not None and not (trouble.is_damage and not self._trouble.is_damage)):
                return
            self._trouble = trouble
            self._listener(trouble)

    def worked(self) -> None:
        """Something was committed."""
        with self._guard:
            if self._trouble is not None and not self._trouble.is_damage:
                self._trouble = None
                self._listener(None)


def _nobody(_trouble: Trouble | None) -> None:
    """Nobody listens yet."""
