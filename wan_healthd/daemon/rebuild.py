"""`wan-healthd --rebuild-state`: the state is set aside, and the next start begins anew."""

from __future__ import annotations

import os

from wan_healthd.daemon.places import state_file
from wan_healthd.domain.paths import display
from wan_healthd.host.clock import SystemClock
from wan_healthd.store.recovery import rebuild

LOST = (
    "The next start reads every file and takes what it finds as the new baseline: damage that is there then counts as healthy,"
    " unless something beside the files tells better. Trust, past events and performance samples are in the old state only."
)


def rebuild_state() -> int:
    """Set the state aside, sound or not, and say what that means; returns the exit status.

    Raises:
        StateInUse: a daemon works on it.
        StoreUnusable: the file system refuses.
    """
    os.umask(0o077)
    file = state_file(os.environ)
    name = rebuild(file, SystemClock().now())
    if name is None:
        print(f"there is no state at {display(file)}: the next start begins anew anyway")
        return 0
    print(f"the state was set aside as {display(name)}; remove it when nobody needs it any more")
    print(LOST)
    return 0
