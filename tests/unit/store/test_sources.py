"""Sources on record: by name or as stated manifests, and forgotten with the root."""

from __future__ import annotations

import sqlite3

from wan_healthd.store import models, sources
from wan_healthd.store.sources import Heard, Source

ROOT, OTHER = b"/r", b"/q"
SUMS = Source(b"/r/f/SHA256SUMS")
STATED = Source(SUMS.path, b"/r/f")


def test_a_list_that_is_also_a_manifest_is_two_sources(connection: sqlite3.Connection) -> None:
    sources.keep(connection, ROOT, [Heard(SUMS, b"1"), Heard(STATED, b"2")])
    assert sources.in_folder(connection, ROOT, b"/r/f") == {SUMS: b"1"}
    assert sources.stated(connection, ROOT) == {STATED: b"2"}
    assert sources.folders(connection, ROOT) == {b"/r/f"}
    sources.keep(connection, ROOT, [Heard(SUMS, None), Heard(STATED, b"3")])
    assert sources.folders(connection, ROOT) == frozenset()
    assert sources.stated(connection, ROOT) == {STATED: b"3"}


def test_each_root_hears_for_itself_and_is_forgotten_with_what_it_heard(connection: sqlite3.Connection) -> None:
    models.watch(connection, [ROOT, OTHER], [])
    for root in (ROOT, OTHER):
        sources.keep(connection, root, [Heard(STATED, root)])
    models.watch(connection, [OTHER], [])
    assert sources.stated(connection, ROOT) == {}
    assert sources.stated(connection, OTHER) == {STATED: OTHER}
