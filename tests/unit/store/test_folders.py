"""Folders in which there was nothing to do, and what drops them; the roster's version."""

from __future__ import annotations

import sqlite3

import pytest

from tests.unit.store.rows import NOW
from wan_healthd.domain.files import Role
from wan_healthd.domain.identity import FileIdentity
from wan_healthd.domain.models import Layout, Model
from wan_healthd.store import contents, folders, models, paths
from wan_healthd.store.folders import FolderRecord, Settled

ROOT = b"/r"
FOLDER = b"/r/f"
FILE = b"/r/f/w.safetensors"
MODEL = Model("m", Layout.FOLDER, FOLDER, ROOT)
RECORD = FolderRecord(b"seen", b"ground", 2, (b"blobs", b"\xff"))


def keep(connection: sqlite3.Connection, folder: bytes = FOLDER) -> None:
    known = paths.in_folder(connection, ROOT, folder)
    folders.keep(connection, ROOT, [Settled(folder, RECORD, known)])


def is_kept(connection: sqlite3.Connection) -> bool:
    return folders.get(connection, ROOT, [FOLDER]) == {FOLDER: RECORD}


@pytest.fixture
def path_id(connection: sqlite3.Connection) -> int:
    """A judged file of a model, in a folder that is kept."""
    models.put(connection, MODEL, NOW)
    number = paths.ensure(connection, FILE, ROOT, Role.WEIGHTS)
    models.join(connection, "m", number)
    content = contents.ensure(connection, FileIdentity("fs", 1, 2, 3, 4))
    paths.judged(connection, number, content_id=content.id, mode=None, at=NOW)
    keep(connection)
    assert is_kept(connection)
    return number


CHANGES = {
    "a path more": "INSERT INTO path (path, folder, root, role) VALUES (X'61', X'2f722f66', X'2f72', 'weights')",
    "a path less": "DELETE FROM path",
    "never judged": "UPDATE path SET judged_at = NULL",
    "another content": "UPDATE path SET content_id = NULL",
    "needed": "UPDATE path SET essential = 1",
    "another role": "UPDATE path SET role = 'support'",
    "another root": "UPDATE path SET root = X'2f'",
    "nobody's": "DELETE FROM membership",
    "its model forgotten": "DELETE FROM model",
    "another model's too": "INSERT INTO membership SELECT 'n', id FROM path",
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_a_sweep_rests_on_drops_the_folder(connection: sqlite3.Connection, path_id: int, change: str) -> None:
    models.put(connection, Model("n", Layout.FOLDER, b"/r/n", ROOT), NOW)
    assert is_kept(connection)
    connection.execute(CHANGES[change])
    assert not is_kept(connection)


def test_what_it_does_not_rest_on_leaves_it(connection: sqlite3.Connection, path_id: int) -> None:
    known = paths.get(connection, FILE)
    assert known is not None
    paths.judged(connection, path_id, content_id=known.content_id, mode=None, at=NOW)
    paths.ensure(connection, FILE, ROOT, Role.WEIGHTS)
    models.join(connection, "m", path_id)
    paths.ensure(connection, b"/r/other/file", ROOT, Role.WEIGHTS)
    assert is_kept(connection)


def test_files_that_changed_meanwhile_are_not_kept(connection: sqlite3.Connection, path_id: int) -> None:
    known = paths.in_folder(connection, ROOT, FOLDER)
    paths.need(connection, [FILE])
    folders.keep(connection, ROOT, [Settled(FOLDER, RECORD, known)])
    assert not is_kept(connection)


def test_folders_with_findings_or_scrubs_are_not_settled(connection: sqlite3.Connection, path_id: int) -> None:
    assert folders.unsettled(connection, ROOT) == frozenset()
    known = paths.get(connection, FILE)
    assert known is not None
    assert known.content_id is not None
    contents.begin_scrub(connection, known.content_id, NOW)
    assert folders.unsettled(connection, ROOT) == {FOLDER}
    assert folders.unsettled(connection, b"/other") == frozenset()
    contents.end_scrub(connection, known.content_id)
    connection.execute("INSERT INTO finding VALUES (?, 'code', X'', 0)", (path_id,))
    assert folders.unsettled(connection, ROOT) == {FOLDER}


def test_what_was_not_passed_is_told_and_dropped(connection: sqlite3.Connection) -> None:
    for folder in (ROOT, b"/r/a", b"/r/a/b", b"/r/ab"):
        keep(connection, folder)
    assert folders.not_passed(connection, ROOT, b"/r/a", {b"/r/a"}.__contains__) == [b"/r/a/b"]
    folders.drop(connection, ROOT, [b"/r/a/b"])
    assert folders.not_passed(connection, ROOT, ROOT, frozenset().__contains__) == [ROOT, b"/r/a", b"/r/ab"]


def test_a_root_that_is_not_watched_any_more_is_dropped(connection: sqlite3.Connection, path_id: int) -> None:
    models.watch(connection, [ROOT], [])
    assert is_kept(connection)
    models.watch(connection, [b"/other"], [])
    assert not is_kept(connection)


def test_the_roster_counts_its_changes(connection: sqlite3.Connection, path_id: int) -> None:
    version = models.roster_version(connection)
    models.put(connection, MODEL, NOW)
    models.join(connection, "m", path_id)
    assert models.roster_version(connection) == version, "nothing new"
    models.put(connection, Model("m", Layout.DIFFUSERS, FOLDER, ROOT), NOW)
    models.watch(connection, [b"/other"], [])
    models.forget(connection, ["m"])
    assert models.roster_version(connection) >= version + 3
