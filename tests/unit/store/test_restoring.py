"""Backups: proven, never in anybody's place; restored whole, or refused before anything is touched."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.unit.store.rows import MODEL, NOW, ROOT, add_path, add_whole, identity, later
from tests.unit.store.test_events import note
from tests.unit.store.test_recovery import messages, opened, stream_of
from wan_healthd.domain.alert_ledger import NewAlert
from wan_healthd.domain.alerts import CORRUPTION_FOUND
from wan_healthd.domain.errors import HealthdError, InvalidRequest, StateDamaged, StateInUse, StoreUnusable
from wan_healthd.store import alerts, contents, events, models, paths, timers
from wan_healthd.store.backup import back_up, sidecar_of, stated_digest
from wan_healthd.store.connection import Connection, lock_state
from wan_healthd.store.moving import move_root
from wan_healthd.store.restoring import FULL_SWEEP, Restoration, Source, restoring

NEW = b"/mnt/other"


@pytest.fixture
def target(tmp_path: Path) -> bytes:
    folder = tmp_path / "backups"
    folder.mkdir()
    return os.fsencode(folder / "b.db")


def begin(file: bytes, target: bytes) -> str:
    """A state with an event before its backup, which is made while somebody writes, and one behind it; returns its stream."""
    with opened(file) as connection:
        events.append(connection, [note("before")])
        back_up(file, target, later(-60))
        events.append(connection, [note("behind")])
        return stream_of(connection)


@contextmanager
def restored(file: bytes, target: bytes) -> Iterator[tuple[Connection, Restoration]]:
    descriptor = os.open(target, os.O_RDONLY)
    try:
        with restoring(file, Source(descriptor, target, stated_digest(target)), NOW) as both:
            yield both
    finally:
        os.close(descriptor)


def names_beside(file: bytes) -> set[str]:
    path = Path(os.fsdecode(file))
    return {item.name.removeprefix(path.name) for item in path.parent.iterdir() if item.name.startswith(path.name)}


def test_a_backup_is_one_private_file_with_its_digest(file: bytes, target: bytes) -> None:
    begin(file, target)
    content = Path(os.fsdecode(target)).read_bytes()
    assert stat.S_IMODE(os.stat(target).st_mode) == 0o600
    assert names_beside(target) == {"", ".sha256"}
    assert Path(os.fsdecode(sidecar_of(target))).read_text() == f"{hashlib.sha256(content).hexdigest()}  b.db\n"
    with closing(sqlite3.connect(f"file:{os.fsdecode(target)}?immutable=1", uri=True)) as backup:
        assert messages(backup) == ["before"]


def test_a_restored_state_is_the_backup_under_a_new_stream(file: bytes, target: bytes) -> None:
    stream = begin(file, target)
    with restored(file, target) as (_, restoration):
        pass
    assert restoration.of == "2026-03-01 11:59:00 UTC"
    assert restoration.aside == file + b".replaced-20260301T120000Z"
    with opened(file) as connection:
        assert stream_of(connection) != stream
        before, told = messages(connection)
        assert before == "before"
        assert told.startswith("the state was restored from the backup ")
        assert timers.is_under_way(connection, FULL_SWEEP)
    with closing(sqlite3.connect(restoration.aside)) as aside:
        assert messages(aside) == ["before", "behind"]


def test_nothing_is_restored_below_a_daemon(file: bytes, target: bytes) -> None:
    begin(file, target)
    lock = lock_state(file)
    try:
        with pytest.raises(StateInUse), restored(file, target):
            raise AssertionError
    finally:
        os.close(lock)


def test_what_fails_on_the_way_leaves_the_state_as_it_was(file: bytes, target: bytes) -> None:
    begin(file, target)
    before = Path(os.fsdecode(file)).read_bytes()
    with pytest.raises(ZeroDivisionError), restored(file, target):
        raise ZeroDivisionError
    assert Path(os.fsdecode(file)).read_bytes() == before
    assert names_beside(file) == {"", ".lock"}


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def foreign(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE somebodys (own TEXT)")
    Path(f"{path}.sha256").unlink()


def newer(path: Path) -> None:
    with closing(sqlite3.connect(path)) as backup:
        backup.execute("PRAGMA user_version = 999")
    Path(f"{path}.sha256").unlink()


def empty(path: Path) -> None:
    path.write_bytes(b"")
    Path(f"{path}.sha256").unlink()


def no_digest(path: Path) -> None:
    Path(f"{path}.sha256").write_text("not a digest\n")


def cut_without_digest(path: Path) -> None:
    Path(f"{path}.sha256").unlink()
    cut(path)


SPOILT = [flip, cut, foreign, newer, empty, no_digest, cut_without_digest]


@pytest.mark.parametrize("spoil", SPOILT, ids=lambda spoil: spoil.__name__)
def test_what_is_no_backup_of_ours_is_refused(file: bytes, target: bytes, spoil: Callable[[Path], None]) -> None:
    begin(file, target)
    spoil(Path(os.fsdecode(target)))
    before = Path(os.fsdecode(file)).read_bytes()
    with pytest.raises(StoreUnusable) as refusal, restored(file, target):
        raise AssertionError
    assert os.fsdecode(target) in refusal.value.message
    assert ".restoring" not in refusal.value.message
    assert refusal.value.suggestion
    assert Path(os.fsdecode(file)).read_bytes() == before
    assert names_beside(file) == {"", ".lock"}


def test_a_backup_overwrites_nothing(file: bytes, target: bytes) -> None:
    begin(file, target)
    kept = Path(os.fsdecode(target)).read_bytes()
    other = target + b"-2"
    Path(os.fsdecode(sidecar_of(other))).touch()
    for name in (target, other):
        with pytest.raises(StoreUnusable, match="is there already"):
            back_up(file, name, NOW)
    assert Path(os.fsdecode(target)).read_bytes() == kept
    assert names_beside(target) == {"", ".sha256", "-2.sha256"}


@pytest.mark.parametrize("state", ["absent", "empty", "damaged", "noise"])
def test_a_state_that_is_none_is_not_backed_up(file: bytes, target: bytes, state: str) -> None:
    path = Path(os.fsdecode(file))
    if state != "absent":
        with opened(file):
            pass
        size = path.stat().st_size
        content = {"empty": b"", "noise": bytes(range(256)) * 40}.get(state)
        if content is None:
            content = path.read_bytes()[: 2 * 4096] + b"\xff" * (size - 2 * 4096)
        path.write_bytes(content)
    with pytest.raises(HealthdError) as refusal:
        back_up(file, target, NOW)
    assert isinstance(refusal.value, StoreUnusable | StateDamaged)
    assert names_beside(target) == set()


def test_a_moved_root_takes_expectations_along_but_no_looks(connection: Connection) -> None:
    content = add_whole(connection, identity())
    path_id = add_path(connection, b"a.safetensors", content)
    paths.expect_content(connection, path_id, content, at=NOW)
    paths.dispense(connection, MODEL.path + b"/b")
    alerts.put(connection, NewAlert(CORRUPTION_FOUND, "k", "broken", "mended", model_id=MODEL.id), NOW)

    moved = move_root(connection, ROOT, NEW, NOW)

    assert (moved.files, moved.model_ids) == (1, (MODEL.id,))
    assert paths.get(connection, MODEL.path + b"/a.safetensors") is None
    state = paths.state(connection, NEW + b"/flux/a.safetensors")
    assert state is not None
    assert (state.record.root, state.content, state.record.judged_at, state.record.mode) == (NEW, None, None, None)
    assert state.expected is not None
    assert state.expected.content_id == content.id
    contents.forget_unused(connection)
    assert contents.get(connection, content.id) is not None, "what the files are compared with is kept"
    assert paths.not_dispensed(connection, [NEW + b"/flux/b"]) == frozenset()
    known = models.get(connection, MODEL.id)
    assert known is not None
    assert (known.model.path, known.model.root) == (NEW + b"/flux", NEW)
    assert alerts.counts(connection) == (0, 0)
    assert paths.filesystems(connection, NEW, NEW) == frozenset(), "the old disk's absence hides nothing"


def test_a_root_may_stay_where_it_is_or_move_into_itself(connection: Connection) -> None:
    add_path(connection, b"flux", add_whole(connection, identity()))
    for old, new in ((ROOT, ROOT), (ROOT, ROOT + b"/flux"), (ROOT + b"/flux", b"/")):
        move_root(connection, old, new, NOW)
    assert paths.get(connection, b"/flux/flux") is not None


def test_a_root_that_nobody_knows_or_that_is_taken_is_not_moved(connection: Connection) -> None:
    add_path(connection, b"a", add_whole(connection, identity()))
    with pytest.raises(InvalidRequest) as refusal:
        move_root(connection, b"/nowhere", NEW, NOW)
    assert refusal.value.suggestion == "the roots that it knows: /srv/models"
    connection.execute("INSERT INTO path (path, folder, root, role) VALUES (?, ?, ?, 'weights')", (NEW + b"/flux/a", NEW, NEW))
    with pytest.raises(InvalidRequest, match="knows 1 files of these names there already"):
        move_root(connection, ROOT, NEW, NOW)
