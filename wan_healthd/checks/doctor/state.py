"""The state: sound, ours alone, with room to grow and a copy to fall back on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from wan_healthd.checks.doctor.cures import quoted
from wan_healthd.domain.amounts import duration_text, size_text
from wan_healthd.domain.doctor import Diagnosis, ok, problem, warning
from wan_healthd.domain.paths import display
from wan_healthd.domain.vitals import StateFacts

SPARE_BYTES = 64 << 20
FEW_INODES = 1000
OLD_COPY = timedelta(days=3)


def check(facts: StateFacts, now: datetime) -> Iterator[Diagnosis]:
    """Everything about the state's files."""
    yield _soundness(facts)
    yield _copy(facts, now)
    yield _secrecy(facts)
    yield _room(facts)
    yield _lock(facts)


def unwatched(left: Sequence[tuple[bytes, int]]) -> Iterator[Diagnosis]:
    """Roots that the configuration names no more: perhaps they moved, and a new baseline hides what broke on the way."""
    for root, count in left:
        shown = display(root)
        yield warning(
            "forgotten-root",
            f"{count} models are known there, but the configuration does not name it any more",
            f"if it moved: stop the daemon, `wan-healthd --moved-root {quoted(root)} NEW`; then what broke on the way is found",
            shown,
        )


def _soundness(facts: StateFacts) -> Diagnosis:
    name = display(facts.file)
    if facts.fault is not None:
        return problem("state", f"{name} is damaged: {facts.fault}", "restart the daemon: it puts its last good copy in place")
    return ok("state", f"{name} is sound ({size_text(facts.size_bytes)})")


def _copy(facts: StateFacts, now: datetime) -> Diagnosis:
    if facts.good_copy_at is None:
        return ok("state-copy", "no good copy yet: it is made after a sweep")
    age = now - facts.good_copy_at
    told = f"the last good copy is {duration_text(max(0.0, age.total_seconds()))} old"
    if age > OLD_COPY:
        return warning(
            "state-copy", told, "see why sweeps do not end (`healthctl sweep`), and `journalctl -u wan-healthd` for `good copy`"
        )
    return ok("state-copy", told)


def _secrecy(facts: StateFacts) -> Diagnosis:
    if facts.foreign:
        name = facts.foreign[0]
        return problem(
            "state-files",
            f"{display(name)} belongs to somebody else",
            f"`chown --reference={quoted(facts.file)} {quoted(name)}`, or of all of them: stop the daemon first",
        )
    if facts.exposed:
        name, mode = facts.exposed[0]
        return warning(
            "state-files",
            f"others than the daemon's user have rights on {display(name)} ({mode:04o})",
            f"`chmod go= {quoted(name)}`",
        )
    return ok("state-files", "nobody but the daemon's user may read or write them")


def _room(facts: StateFacts) -> Diagnosis:
    free = size_text(facts.free_bytes)
    if facts.free_bytes < SPARE_BYTES:
        return problem(
            "state-space",
            f"{free} are free where the state is: soon nothing can be recorded",
            "free some space there (`df -h`)",
        )
    if facts.free_inodes is not None and facts.free_inodes < FEW_INODES:
        return problem(
            "state-space", f"{facts.free_inodes} inodes are free where the state is", "remove small files there (`df -i`)"
        )
    if facts.free_bytes < facts.size_bytes + SPARE_BYTES:
        return warning(
            "state-space",
            f"{free} are free where the state is: too few for a good copy of it",
            "free some space there (`df -h`)",
        )
    return ok("state-space", f"{free} are free where the state is")


def _lock(facts: StateFacts) -> Diagnosis:
    if not facts.is_locked:
        return problem(
            "state-lock",
            "the lock beside the state was removed or replaced: a second daemon could work on it at the same time",
            "restart the daemon, and let nobody remove files of its state",
        )
    return ok("state-lock", "no second daemon can work on it")
