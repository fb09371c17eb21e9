"""Every write of the state fails once, or from then on: nothing told is lost, no number is used twice, and it stays sound.

A small scenario of commits runs under strace, which fails the Nth call of a kind in each of its threads. By default some of the
places are tried; WAN_HEALTHD_ALL_FAULTS=1 tries all.
"""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.fakes.safetensors_files import sample
from tests.support.checkout import environment
from tests.support.damage import edit, flip_bit
from tests.support.scans import scan

COMMITS = 8
SCENARIO = """
import asyncio, os, sys
from datetime import UTC, datetime
from wan_healthd.domain.errors import HealthdError
from wan_healthd.domain.events import EventKind, NewEvent
from wan_healthd.host.threads import spawn
from wan_healthd.store import events
from wan_healthd.store.database import Database
from wan_healthd.store.good_copy import Copier

async def live(file, name, commits):
    now = datetime.now(UTC)
    database = Database(file, spawn, now=now)
    try:
        for number in range(commits):
            note = f"{name}-{number} " + "x" * 3000
            def write(db):
                events.append(db, [NewEvent(now, EventKind.STATUS_CHANGED, note)])
                return events.last_number(db)
            try:
                print("told", await database.write(write), f"{name}-{number}", database.stream, flush=True)
            except HealthdError as error:
                print("refused", error.code, flush=True)
            if number == commits // 2:
                try:
                    Copier(file).make(now)
                except HealthdError as error:
                    print("no copy", flush=True)
    finally:
        await asyncio.to_thread(database.close)

try:
    asyncio.run(live(os.fsencode(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
except HealthdError as error:
    print("ended", error.code, flush=True)
"""
FAULTS = [
    ("pwrite64", "ENOSPC"),
    ("pwrite64", "EIO"),
    ("pwrite64", "EROFS"),
    ("fdatasync", "EIO"),
    ("fsync", "EIO"),
    ("ftruncate", "EIO"),
    ("rename", "EIO"),
    ("unlink", "EIO"),
]
TRIES_EVERYTHING = bool(os.environ.get("WAN_HEALTHD_ALL_FAULTS"))
SOME = 2
"""Places of each kind that are tried by default."""


@pytest.fixture(scope="module")
def strace() -> str:
    found = shutil.which("strace")
    if found is None:
        pytest.skip("strace is not installed")
    return found


def play(file: Path, name: str, *wrapped_in: str) -> list[str]:
    """Run the scenario; returns what it said, line by line."""
    command = [*wrapped_in, sys.executable, "-c", SCENARIO, str(file), name, str(COMMITS)]
    said = subprocess.run(command, capture_output=True, text=True, timeout=40, check=False, env=environment())
    assert said.returncode == 0, said.stdout + said.stderr
    assert "Traceback" not in said.stderr
    return said.stdout.splitlines()


def calls(strace: str, folder: Path, name: str) -> int:
    """How often the busiest thread makes this call in the scenario."""
    log = folder / "calls"
    play(folder / "counted.db", "x", strace, "-f", "--seccomp-bpf", "-o", str(log), "-e", f"trace={name}")
    threads = re.findall(rf"^(\d+) +{name}\(", log.read_text(), re.MULTILINE)
    return max((threads.count(thread) for thread in set(threads)), default=0)


def places(count: int) -> list[int]:
    stride = 1 if TRIES_EVERYTHING else max(1, count // SOME)
    return list(range(1, count + 1, stride))


def told(lines: list[str]) -> dict[tuple[str, int], str]:
    """What was told as done: the note of each event, by stream and number."""
    parts = [line.split() for line in lines if line.startswith("told ")]
    found = {(stream, int(number)): note for _, number, note, stream in parts}
    assert len(found) == len(parts), "a number was told twice"
    return found


def assert_sound_and_kept(file: Path, promised: dict[tuple[str, int], str]) -> None:
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        (stream,) = connection.execute("SELECT value FROM meta WHERE key = 'stream'").fetchone()
        kept = {(stream, seq): body.decode() for seq, body in connection.execute("SELECT seq, body FROM event")}
    for key, note in promised.items():
        assert f'"{note} ' in kept[key], "what was told as committed stands as it was told"


@pytest.mark.parametrize("lasting", [False, True], ids=["once", "from then on"])
@pytest.mark.parametrize(("call", "errno"), FAULTS, ids=lambda value: value)
def test_a_call_that_fails(strace: str, tmp_path: Path, call: str, errno: str, lasting: bool) -> None:
    count = calls(strace, tmp_path, call)
    for place in places(count)[: None if TRIES_EVERYTHING or not lasting else 1]:
        file = tmp_path / f"{place}.db"
        promised = told(play(file, "before"))
        when = f"{place}+" if lasting else f"{place}"
        inject = f"inject={call}:error={errno}:when={when}"
        lines = play(file, "during", strace, "-f", "--seccomp-bpf", "-o", "/dev/null", "-e", f"trace={call}", "-e", inject)
        promised |= told(lines)
        after = play(file, "after")
        assert len(told(after)) == COMMITS, f"{call} {place}: it works again; it said {after}"
        assert_sound_and_kept(file, promised | told(after))
        if not lasting and call == "pwrite64":
            assert not [line for line in lines if line.startswith("refused")], "one failed write is made good for unnoticed"


@pytest.mark.parametrize("limit_kb", [64, 200, 260] if not TRIES_EVERYTHING else range(4, 400, 12))
def test_files_that_may_not_grow(tmp_path: Path, limit_kb: int) -> None:
    file = tmp_path / "state.db"
    promised = told(play(file, "before"))
    lines = play(file, "during", "prlimit", f"--fsize={limit_kb * 1024}")
    after = play(file, "after")
    assert len(told(after)) == COMMITS
    assert_sound_and_kept(file, promised | told(lines) | told(after))


@pytest.mark.parametrize("place", [2, 6, 12] if not TRIES_EVERYTHING else range(1, 60))
def test_damage_that_was_met_while_the_disk_was_full_is_known_afterwards(strace: str, tmp_path: Path, place: int) -> None:
    """Findings are in the transaction of what they belong to: either both are kept, or the file is due again."""
    folder, state = tmp_path / "models", tmp_path / "state.db"
    folder.mkdir()
    file = folder / "a.safetensors"
    file.write_bytes(sample(3, 3_000_000, 5))
    assert scan(folder, "--state", state).issues == []
    edit(file, flip_bit(2_000_000))
    injecting = [strace, "-f", "--seccomp-bpf", "-o", "/dev/null", "-e", "trace=pwrite64"]
    program = [sys.executable, "-m", "wan_healthd.daemon.main", "scan", str(folder), "--state", str(state)]
    subprocess.run(
        [*injecting, "-e", f"inject=pwrite64:error=ENOSPC:when={place}+", *program],
        capture_output=True,
        timeout=50,
        check=False,
        env=environment(),
    )
    (issue,) = scan(folder, "--state", state).issues
    assert issue["corruption_type"] == "checksum_mismatch"
