"""Which files are unfinished, and where else to look for them."""

from __future__ import annotations

import pytest

from wan_healthd.domain.files import Entry, FileLook, Listing, Presence
from wan_healthd.domain.identity import FileIdentity
from wan_healthd.domain.partials import Partial
from wan_healthd.layouts.partials import LAST_S, hiding_places, unfinished


def entry(name: bytes, allocated: int = 4096, written_s: int = 5, *, is_link: bool = False) -> Entry:
    identity = FileIdentity("fs", 1, 10, written_s * 10**9, 0)
    return Entry(name, FileLook(Presence.FILE, identity, None, allocated, is_link=is_link))


def folder(name: bytes, *, is_link: bool = False) -> Entry:
    return Entry(name, FileLook(Presence.FOLDER, is_link=is_link))


def listing(*entries: Entry, path: bytes = b"/m") -> Listing:
    return Listing(path, entries)


def test_a_preallocated_file_and_its_control_file_are_one_download() -> None:
    here = listing(entry(b"w.gguf", 8192, 7), entry(b"w.gguf.aria2", 512, 9), entry(b"x.gguf.part"), entry(b"y.gguf"))
    assert list(unfinished(here)) == [Partial(b"/m/w.gguf", 8704, 9), Partial(b"/m/x.gguf.part", 4096, 5)]


def test_beside_a_whole_file_only_the_control_file_is_litter() -> None:
    here = listing(entry(b"w.gguf", 8192), entry(b"w.gguf.aria2", 512))
    assert list(unfinished(here, [b"w.gguf"])) == [Partial(b"/m/w.gguf.aria2", 512, 5)]


def test_links_and_folders_are_no_downloads() -> None:
    assert list(unfinished(listing(entry(b"a.part", is_link=True), folder(b"b.download")))) == []


@pytest.mark.parametrize(("written_s", "kept"), [(-5, 0), (2**40, LAST_S)])
def test_time_stamps_are_kept_within_the_calendar(written_s: int, kept: int) -> None:
    (found,) = unfinished(listing(entry(b"a.part", written_s=written_s)))
    assert found.written_s == kept


@pytest.mark.parametrize(
    ("here", "places"),
    [
        (listing(folder(b".cache"), path=b"/m/wan"), [b"/m/wan/.cache/huggingface/download"]),
        (listing(folder(b"blobs"), folder(b"refs"), path=b"/c/models--a--b"), [b"/c/models--a--b/blobs"]),
        (listing(folder(b"blobs"), folder(b"models--a--b"), path=b"/c"), [b"/c/blobs"]),
        (listing(folder(b"blobs"), path=b"/m/wan"), []),
        (listing(folder(b".cache", is_link=True), path=b"/m/wan"), []),
        (listing(folder(b".cache"), path=b"/"), [b"/.cache/huggingface/download"]),
    ],
)
def test_places_that_no_other_sweep_enters(here: Listing, places: list[bytes]) -> None:
    assert list(hiding_places(here)) == places
