"""What roots lie on: can the disk be read past the page cache, and does it heed priorities?"""

from __future__ import annotations

from collections.abc import Iterator

from wan_healthd.domain.doctor import Diagnosis, idle, ok, warning
from wan_healthd.domain.paths import display
from wan_healthd.domain.vitals import DiskFacts, RootFacts

DIRECT, SCHEDULER = "direct-reading", "io-scheduler"
BLOCK = 4096
"""What the reader aligns to (`digest.disk_file`)."""

PROVES = frozenset({"ext2", "ext3", "ext4", "xfs"})
IN_MEMORY = frozenset({"tmpfs", "ramfs"})
WHY_UNPROVEN = {
    "btrfs": "btrfs reads what it keeps compressed or inline through the page cache, without a word",
    "overlay": "an overlay answers for the file systems below it",
    "zfs": "ZFS has a cache of its own",
}
KEEP_ELSEWHERE = "nothing need be done; where proof of the disk itself matters, keep models on ext4 or xfs"
PRIORITISING = frozenset({"bfq", "mq-deadline"})


def check(facts: RootFacts) -> Iterator[Diagnosis]:
    """Both questions of one root that could be listed."""
    if facts.errno_name is None:
        yield _direct(display(facts.path), facts.disk)
        yield _scheduler(display(facts.path), facts.disk)


def _direct(shown: str, disk: DiskFacts) -> Diagnosis:
    kind = disk.kind or "a file system of unknown type"
    if disk.kind in IN_MEMORY:
        return idle(DIRECT, f"{kind} lives in memory: there is no disk to verify", shown)
    if disk.is_direct is None:
        return idle(DIRECT, f"{kind}: no file was there to try it with", shown)
    if not disk.is_direct:
        return warning(
            DIRECT,
            f"{kind} does not read past the page cache ({disk.refusal}): what is in memory is verified, not the disk",
            KEEP_ELSEWHERE,
            shown,
        )
    if disk.alignment_bytes is not None and disk.alignment_bytes > BLOCK:
        return warning(
            DIRECT,
            f"{kind} wants direct reads in blocks of {disk.alignment_bytes} bytes, and gets them in {BLOCK}",
            "report it, with `lsblk -o NAME,LOG-SEC,PHY-SEC`: until then files there are verified in memory",
            shown,
        )
    if disk.kind in PROVES:
        blocks = "" if disk.alignment_bytes is None else f", in blocks of {disk.alignment_bytes} bytes"
        return ok(DIRECT, f"{kind} is read past the page cache (O_DIRECT{blocks})", shown)
    why = WHY_UNPROVEN.get(disk.kind, f"{kind} takes O_DIRECT, but who answers is not known")
    if disk.is_compressed:
        why = f"{kind} keeps files compressed, and reads them through the page cache"
    return warning(DIRECT, f"{why}: some reads count as `unproven` or `memory`, not as `disk`", KEEP_ELSEWHERE, shown)


def _scheduler(shown: str, disk: DiskFacts) -> Diagnosis:
    if disk.device is None or disk.scheduler is None:
        return idle(SCHEDULER, "no disk of this machine's is behind it, as far as can be told", shown)
    told = f"{disk.device}: {disk.scheduler}"
    if disk.scheduler in PRIORITISING:
        return ok(SCHEDULER, f"{told}, which lets others go before our reads", shown)
    if not disk.is_rotational:
        return ok(SCHEDULER, f"{told}, which heeds no priorities; a disk without moving parts bears that", shown)
    return warning(
        SCHEDULER,
        f"{told}, which heeds no priorities: a sweep slows others down",
        f"`echo mq-deadline > /sys/block/{disk.device}/queue/scheduler` (or bfq); a udev rule keeps it",
        shown,
    )
