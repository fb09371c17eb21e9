"""No path can harm a terminal, and none is lost."""

from __future__ import annotations

import base64
import json

from hypothesis import example, given
from hypothesis import strategies as st

from wan_healthd.domain.catalogue import FILE_EMPTY
from wan_healthd.domain.paths import base64_if_needed, display, printable
from wan_healthd.layouts.names import is_unfinished, role_of
from wan_healthd.layouts.registry import id_below

paths = st.binary(max_size=60) | st.text(st.characters(exclude_categories=["Cs"]), max_size=40).map(str.encode)


@given(paths)
@example(b"\xe2\x80\xae")
@example(b"\xc2\x9b31m")
def test_what_is_shown_is_printable(path: bytes) -> None:
    assert display(path).isprintable()


@given(paths)
def test_what_is_shown_or_the_base64_gives_the_exact_bytes(path: bytes) -> None:
    exact = base64_if_needed(path)
    assert (display(path).encode() if exact is None else base64.b64decode(exact)) == path


@given(st.text())
def test_printable_text_is_left_alone_and_the_rest_escaped(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable()
    assert (shown == text) is text.isprintable()
    assert printable(shown) == shown


@given(paths, st.lists(st.text(max_size=20), max_size=3))
def test_a_finding_about_any_path_is_one_harmless_line(path: bytes, tensors: list[str]) -> None:
    finding = FILE_EMPTY.at(b"/models/" + path, tensors=tensors)
    shown = [finding.message, finding.suggestion, finding.path or "", *finding.tensors]
    assert all(text.isprintable() for text in shown)
    assert json.dumps(shown).isprintable()


@given(paths.filter(lambda path: path.strip(b"/")))
def test_any_place_below_a_root_has_an_id_that_can_be_shown(relative: bytes) -> None:
    name = id_below(b"/srv/models", b"/srv/models/" + relative)
    assert name
    assert name.isprintable()


@given(paths)
def test_a_download_under_way_has_no_role(name: bytes) -> None:
    assert role_of(name + b".incomplete") is None
    assert not is_unfinished(name) or role_of(name) is None
