"""Unfinished files in the store."""

from __future__ import annotations

from wan_healthd.domain.partials import ORPHAN_AFTER_S, Orphans, Partial
from wan_healthd.store import partials
from wan_healthd.store.connection import Connection
from wan_healthd.store.partials import Owned

NOW_S = 1_800_000_000
OLD_S = NOW_S - int(ORPHAN_AFTER_S)
ROOT = b"/models"


def partial(name: str, size_bytes: int = 1, written_s: int = OLD_S) -> Partial:
    return Partial(ROOT + b"/" + name.encode(), size_bytes, written_s)


def test_a_file_is_known_in_its_folder_until_it_is_forgotten(connection: Connection) -> None:
    here, below = Owned(partial("a.part"), "m"), Owned(partial("f/b.part"), None)
    partials.put(connection, ROOT, [here, below])
    assert partials.in_folder(connection, ROOT, ROOT) == {here.partial.path: here}
    assert partials.folders(connection, ROOT, ROOT) == {ROOT, ROOT + b"/f"}
    assert partials.folders(connection, ROOT, ROOT + b"/f") == {ROOT + b"/f"}
    assert partials.owners(connection, ROOT) == {"m"}
    grown = Owned(partial("a.part", 7, NOW_S), "m")
    partials.put(connection, ROOT, [grown])
    assert partials.in_folder(connection, ROOT, ROOT) == {here.partial.path: grown}
    partials.forget(connection, [here.partial.path])
    assert partials.in_folder(connection, ROOT, ROOT) == {}


def test_orphans_are_counted_and_the_largest_named(connection: Connection) -> None:
    many = [partial(f"{number:03}.part", number) for number in range(100)]
    fresh = partial("fresh.part", 10**12, OLD_S + 1)
    partials.put(connection, ROOT, [Owned(item, "m") for item in (*many, fresh)])
    orphans = partials.orphans_of(connection, "m", NOW_S)
    assert orphans == Orphans(tuple(many[: -partials.MOST_NAMED - 1 : -1]), 100, sum(range(100)))
    assert partials.orphans_of(connection, "other", NOW_S) == Orphans()
    assert partials.of_model(connection, "m")[0] == fresh


def test_what_belongs_to_a_model_that_is_not_there_is_nobodys(connection: Connection) -> None:
    partials.put(connection, ROOT, [Owned(partial("a.part"), None), Owned(partial("b.part"), "never-came")])
    assert partials.orphans_of_nobody(connection, NOW_S).total == 2


def test_other_roots_are_forgotten(connection: Connection) -> None:
    partials.put(connection, ROOT, [Owned(partial("a.part"), None)])
    partials.put(connection, b"/other", [Owned(Partial(b"/other/b.part", 1, OLD_S), None)])
    partials.watch(connection, [ROOT])
    assert partials.orphans_of_nobody(connection, NOW_S).largest == (partial("a.part"),)
