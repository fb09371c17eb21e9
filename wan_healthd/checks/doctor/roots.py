"""Roots: are they there, may we come to them, may we read what is in them?"""

from __future__ import annotations

from collections.abc import Iterator

from wan_healthd.checks.doctor.cures import drop_in, quoted
from wan_healthd.domain.doctor import Diagnosis, idle, ok, problem
from wan_healthd.domain.paths import display
from wan_healthd.domain.vitals import Capability, ProcessFacts, RootFacts, Unreadable

ROOT, RIGHTS = "root", "rights"


def check(facts: RootFacts, user: str) -> Diagnosis:
    """The root itself, and the files below it that were looked at; `user` is who we are."""
    shown = display(facts.path)
    if facts.errno_name is not None:
        return _unreached(facts, shown, user)
    looked_at = f"{'more than ' if facts.is_part else ''}{facts.files} files in {facts.folders + 1} folders"
    if facts.unreadable_count:
        first = facts.unreadable[0]
        others = f" and {facts.unreadable_count - 1} more" if facts.unreadable_count > 1 else ""
        return problem(
            ROOT,
            f"{user} may not read {display(first.path)} ({_rights(first)}){others}; {looked_at} were looked at",
            f"let the daemon's user read them: `chmod -R o+rX {quoted(facts.path)}`, or add it to their group"
            f" (`usermod -aG {first.group} {user}`); or grant it all reading: {drop_in('other-users')}",
            shown,
        )
    if not facts.files:
        return ok(ROOT, "it is there, and no file is in it", shown)
    bound = "" if not facts.is_part else "; the others were not tried"
    return ok(ROOT, f"{looked_at} can be read{bound}", shown)


def _unreached(facts: RootFacts, shown: str, user: str) -> Diagnosis:
    if facts.errno_name in ("EACCES", "EPERM"):
        place = facts.path if facts.blocked_at is None else facts.blocked_at
        rights = "" if facts.obstacle is None else f" ({_rights(facts.obstacle)})"
        wanted = "o+x" if facts.blocked_at is not None else "o+rx"
        return problem(
            ROOT,
            f"{user} may not enter {display(place)}{rights}",
            f"`chmod {wanted} {quoted(place)}`, or add {user} to its group; or grant it all reading: {drop_in('other-users')}",
            shown,
        )
    if facts.errno_name == "ENOENT":
        return problem(
            ROOT,
            "it is not there",
            f"mount it (`findmnt {quoted(facts.path)}`), make it, or correct [[roots]] and reload",
            shown,
        )
    return problem(
        ROOT,
        f"it cannot be listed: {facts.errno_name}",
        f"see what it is (`findmnt -T {quoted(facts.path)}`, `ls -ld {quoted(facts.path)}`) and what the kernel says of it"
        " (`journalctl -k`)",
        shown,
    )


def unanswered(path: bytes, limit_s: float) -> Diagnosis:
    """Nothing came back."""
    return problem(
        ROOT,
        f"no answer within {limit_s:g} s: what is there hangs, or is a disk that wakes up",
        f"ask again; then see what it is (`findmnt -T {quoted(path)}`) and whether its server runs; `umount -l` ends the wait",
        display(path),
    )


def rights(facts: RootFacts, process: ProcessFacts) -> Iterator[Diagnosis]:
    """What repairs and following a change would need; reading needs none of it."""
    if facts.errno_name is not None or not facts.files:
        return
    shown, others = display(facts.path), facts.files - facts.owned
    held = process.capabilities or 0
    lacking = []
    if not facts.is_writable:
        lacking.append("write there")
    if others and not held >> Capability.LEASE & 1:
        lacking.append(f"lease {others} files of others")
    if others and not held >> Capability.FOWNER & 1:
        lacking.append("leave their access times alone")
    if lacking:
        yield idle(RIGHTS, f"it may not {', '.join(lacking)}: only repairs need that (drop-in repairs.conf)", shown)
    else:
        yield ok(RIGHTS, "it may write, lease files and leave their access times alone", shown)


def _rights(what: Unreadable) -> str:
    kind = "folder " if what.is_folder else ""
    return f"{kind}{what.owner}:{what.group} {what.mode:04o}"
