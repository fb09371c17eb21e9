"""`kill -9` at random moments of sweeps and writes: the state is sound, and nothing is forgotten, repeated or invented.

WAN_CRASH_KILLS and WAN_CRASH_SEED run more of them, and others.
"""

from __future__ import annotations

import os
import random

import pytest

from tests.support.besieged_tree import Tree
from tests.support.daemons import Home
from tests.support.rotting_disk import Disk
from tests.support.siege import Siege
from tests.support.witness import lines_of, records_of

KILLS = int(os.environ.get("WAN_CRASH_KILLS", "8"))
SEED = int(os.environ.get("WAN_CRASH_SEED", "0")) or random.randrange(1, 1 << 30)
MODELS, MODELS_ON_A_SMALL_DISK = 12, 4
"""Of 4 to 12 MiB each."""
NEVER_HELD_BACK = "[alerts]\nmost_per_minute = 1000\n"

pytestmark = pytest.mark.timeout(60 + 10 * KILLS)


def test_a_daemon_that_is_killed_again_and_again(home: Home) -> None:
    home.configure([home.models], NEVER_HELD_BACK)
    rng = random.Random(SEED)
    lay_siege(Siege(home, Tree(home.models, home.folder / "attic", rng, MODELS), rng), KILLS)


def test_a_daemon_that_is_killed_while_its_disk_rots(home: Home, disk: Disk) -> None:
    models = disk.mount / "models"
    models.mkdir()
    home.configure([models], NEVER_HELD_BACK)
    rng = random.Random(SEED)
    lay_siege(Siege(home, Tree(models, home.folder / "attic", rng, MODELS_ON_A_SMALL_DISK, rot=disk.flip), rng), KILLS // 2)


def lay_siege(siege: Siege, kills: int) -> None:
    print(f"WAN_CRASH_SEED={SEED}, {kills} kills")
    siege.settle()  # a kill before the first verdict has nothing to forget
    try:
        for _ in range(kills):
            siege.strike()
        siege.settle()
    except BaseException:
        print("\n".join(siege.story[-60:]))
        raise
    home = siege.home
    told = [record["WAN_EVENT"] for record in records_of(home)].count("corruption-found")
    found = sum(event["kind"] in ("finding-opened", "finding-changed") for event in siege.witness.events)
    print(f"{siege.kills}\n{len(siege.witness.events)} events, {found} of findings; {told} records of damage")
    assert told <= found + kills, "told once, and once more only if the kill fell between"
    assert [line for line in lines_of(home) if line.get("level") in ("warning", "error")] == [], "nothing of ours failed"
    leftovers = {path.name for path in home.database.parent.iterdir()}
    assert leftovers <= {"state.db", "state.db.good", "state.db.lock"}, "temporary files are swept up"
