"""JSON texts: what Python takes is sound, what it refuses has a fault, and a beginning is incomplete."""

from __future__ import annotations

import json

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.fakes.windows import BytesWindow
from wan_healthd.domain.evidence import HeaderFacts
from wan_healthd.formats import json_text

unhurried = settings(deadline=None)  # the machine is shared

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


def written(value: object, ascii_only: bool, indent: int | None) -> bytes:
    return json.dumps({"x": value}, ensure_ascii=ascii_only, indent=indent).encode("utf-8", "replace")


texts = st.builds(written, values, st.booleans(), st.none() | st.just(2))
FRAGMENTS = (
    b"NaN", b"-", b"1.", b"1e400", b"[", b"]", b"{", b"}", b",", b":", b'"', b"\\", b"\\ud800", b"\\u12", b"tru", b"01",
    b"\xff", b"\t",
)  # fmt: skip


def judge(text: bytes) -> HeaderFacts:
    return json_text.judge(BytesWindow(text))


def python_takes(text: bytes) -> bool:
    try:
        value = json.loads(text.decode())
    except ValueError:  # of its JSON or of its UTF-8
        return False
    return isinstance(value, list) or (isinstance(value, dict) and value != {})


@unhurried
@given(texts)
def test_what_is_written_is_sound(text: bytes) -> None:
    assert judge(text) == HeaderFacts(format="json")


@unhurried
@example(b'{"x": [NaN, "\\u00e9\\ud83d\\ude00"]}')
@given(texts)
def test_every_beginning_is_incomplete(text: bytes) -> None:
    """Where only Python takes the text, it is Python's word for where it gives up that tells."""
    for end in range(min(len(text), 200)):
        fault = judge(text[:end]).fault
        assert fault is not None
        assert fault.code == "truncated", text[:end]


@unhurried
@given(texts, st.data())
def test_a_beginning_is_incomplete(text: bytes, choice: st.DataObject) -> None:
    fault = judge(text[: choice.draw(st.integers(0, len(text) - 1))]).fault
    assert fault is not None
    assert fault.code == "truncated"


@settings(unhurried, max_examples=400)
@given(texts, st.data())
def test_mutated_texts_are_judged_as_python_judges(text: bytes, choice: st.DataObject) -> None:
    for _ in range(choice.draw(st.integers(1, 2))):
        at = choice.draw(st.integers(1, len(text)))
        text = text[:at] + choice.draw(st.sampled_from(FRAGMENTS)) + text[at + choice.draw(st.integers(0, 3)) :]
    facts = judge(text)
    assert facts.undecided is None
    assert (facts.fault is None) == python_takes(text), facts
