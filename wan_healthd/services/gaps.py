"""Roots of which not every folder can be watched: told once for each root, with the cure, and once when all are again."""

from __future__ import annotations

from wan_healthd.domain.alerts import WATCH_INCOMPLETE
from wan_healthd.domain.paths import display
from wan_healthd.domain.watching import RootWatch
from wan_healthd.services.conditions import Conditions


class GapTeller:
    """Remembers what it said last of each root: that other folders cannot be watched by now is no news."""

    def __init__(self, conditions: Conditions) -> None:
        self._conditions = conditions
        self._was_whole: dict[bytes, bool] = {}

    async def tell(self, report: RootWatch) -> None:
        """How far the watching of one root reaches now."""
        is_whole, shown = report.is_whole, display(report.root)
        if (is_whole and not report.folders) or self._was_whole.get(report.root) is is_whole:
            return
        if is_whole:
            await self._conditions.close(WATCH_INCOMPLETE, shown, f"all folders of {shown} are watched again")
        else:
            await self._conditions.open(WATCH_INCOMPLETE, shown, complaint(report), path=shown)
        self._was_whole[report.root] = is_whole


def complaint(report: RootWatch) -> str:
    """What is not watched below the root, why, and what to do."""
    total = report.folders + report.unwatched
    what = f"cannot watch {report.unwatched} of {total} folders below {display(report.root)}"
    return f"{what}: {_why(report)}. Changes there are found by polling only"


def _why(report: RootWatch) -> str:
    match report.errno_name:
        case "ENOSPC":
            cure = f"`sysctl fs.inotify.max_user_watches={wanted_limit(report)}`"
            return f"no watches are left for the daemon's user; raise the limit with {cure}"
        case "EMFILE":
            return "no inotify instance is left for the daemon's user; raise fs.inotify.max_user_instances with `sysctl`"
        case "EACCES":
            first = display(report.gaps[0])
            return f"the daemon's user may not read {first}; allow it with `chmod` or `setfacl`"
        case other:
            return f"the system refuses it for {display(report.gaps[0])} ({other})"


def wanted_limit(report: RootWatch) -> int:
    """The next power of two with room for all folders of the root and as many watches as are in use now."""
    return 1 << (max(report.limit or 0, report.folders) + report.unwatched).bit_length()
