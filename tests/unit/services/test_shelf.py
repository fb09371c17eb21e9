"""What is kept of parsed sources, and for how long."""

from __future__ import annotations

from wan_healthd.domain.identity import FileIdentity
from wan_healthd.provenance.sources import SourceFile, SourceKind, Unusable
from wan_healthd.services.shelf import Shelf


def source(name: bytes, kind: SourceKind = SourceKind.SUMS) -> SourceFile:
    return SourceFile(kind, b"/models/" + name, b"/models", ())


def state(written_at: int) -> FileIdentity:
    return FileIdentity("ext4-1", 7, 100, written_at, written_at)


SAID = Unusable("it is a test")
ELSE = Unusable("it is another test")


def test_a_source_is_known_in_the_state_in_which_it_was_read() -> None:
    shelf = Shelf()
    shelf.keep(source(b"a"), state(1), SAID, 100)
    assert shelf.find(source(b"a"), state(1)) is SAID
    assert shelf.find(source(b"a"), state(2)) is None
    assert shelf.find(source(b"b"), state(1)) is None
    assert shelf.find(source(b"a", SourceKind.MANIFEST), state(1)) is None
    shelf.keep(source(b"a"), state(2), ELSE, 100)
    assert (shelf.find(source(b"a"), state(1)), shelf.find(source(b"a"), state(2)), len(shelf)) == (None, ELSE, 1)


def test_what_was_asked_for_last_stays() -> None:
    shelf = Shelf(max_sources=2)
    for name in (b"a", b"b"):
        shelf.keep(source(name), state(1), SAID, 1)
    assert shelf.find(source(b"a"), state(1)) is SAID
    shelf.keep(source(b"c"), state(1), SAID, 1)
    assert [shelf.find(source(name), state(1)) for name in (b"a", b"b", b"c")] == [SAID, None, SAID]


def test_bytes_are_bounded_too() -> None:
    shelf = Shelf(max_bytes=100)
    for name in (b"a", b"b", b"c"):
        shelf.keep(source(name), state(1), SAID, 40)
    assert len(shelf) == 2
    shelf.keep(source(b"c"), state(2), SAID, 60)
    assert len(shelf) == 2
    shelf.keep(source(b"d"), state(1), SAID, 101)
    assert len(shelf) == 0
    shelf.keep(source(b"a"), state(1), SAID, 100)
    assert len(shelf) == 1
