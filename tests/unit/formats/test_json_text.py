"""JSON files and vocabularies: what loaders take is sound, what was cut is incomplete, messages are impostors."""

from __future__ import annotations

import json

import pytest

from tests.fakes.windows import BytesWindow, ShrinkingWindow
from wan_healthd.domain.evidence import HeaderFacts, Impostor
from wan_healthd.formats import json_text, vocabulary


def judge(text: bytes, size_bytes: int | None = None) -> HeaderFacts:
    return json_text.judge(BytesWindow(text, size_bytes))


SOUND = {
    "configuration": b'{"_class_name": "WanModel", "dim": 5120, "model_type": "t2v"}\n',
    "array": b'[{"idx": 0}]',
    "duplicate keys": b'{"a":1,"a":2}',
    "Infinity": b'{"time_step_limit": [0.0, Infinity], "x": -Infinity, "y": NaN}',
    "lone surrogate": b'{"a": "\\ud800"}',
    "number that no double holds": b'{"a": 1e999}',
    "white space": b"\n\t {\"a\": 1} \r\n",
    "beyond ASCII": '{"a": "Wān 萬 😀"}'.encode(),
    "a field named error among others": b'{"error": 0.5, "model_type": "t5"}',
    "only a message, but nested": b'{"chat": {"error": "x"}}',
}  # fmt: skip

FAULTY = {
    "empty": (b"", "truncated"),
    "white space only": (b" \n ", "truncated"),
    "cut in an object": (b'{"a": 1, ', "truncated"),
    "cut in a string": (b'{"a": "b', "truncated"),
    "cut in a name": (b'{"a', "truncated"),
    "cut in a word": (b'{"a": tru', "truncated"),
    "cut behind NaN": (b'{"a": NaN, "b": [1, ', "truncated"),
    "cut behind NaN in a string": (b'{"a": NaN, "b": "x', "truncated"),
    "cut in a character": ('{"a": "é'.encode()[:-1], "truncated"),
    "no object": (b'"text"', "not-json"),
    "number": (b"5", "not-json"),
    "word": (b"null", "not-json"),
    "trailing comma": (b'{"a": 1,}', "not-json"),
    "comment": (b'{"a": 1 /* x */}', "not-json"),
    "two values": (b'{"a": 1}{"b": 2}', "not-json"),
    "single quotes": (b"{'a': 1}", "not-json"),
    "NaN and a fault": (b'{"a": NaN, b}', "not-json"),
    "5,000 digits behind NaN": (b"[NaN, " + b"9" * 5000 + b"]", "not-json"),
    "byte order mark": (b'\xef\xbb\xbf{"a": 1}', "not-json"),
    "empty object": (b" { }\n", "empty-object"),
    "zeros": (bytes(512), "nul-byte"),
    "zeros at the end": (b'{"a": 1}' + bytes(512), "nul-byte"),
    "Latin-1": ('{"a": "é"}'.encode("latin-1"), "not-utf8"),
    "fault far behind": (b'{"a": "' + "é".encode() * (1 << 20) + b'\xff"}', "not-utf8"),
}  # fmt: skip


@pytest.mark.parametrize("name", SOUND)
def test_what_loaders_take_is_sound(name: str) -> None:
    json.loads(SOUND[name])
    assert judge(SOUND[name]) == HeaderFacts(format="json")


@pytest.mark.parametrize("name", FAULTY)
def test_what_loaders_refuse_has_a_fault(name: str) -> None:
    text, code = FAULTY[name]
    fault = judge(text).fault
    assert fault is not None
    assert fault.code == code
    assert fault.detail.isprintable()


def test_cut_at_every_byte_it_is_incomplete() -> None:
    whole = '{"a": [1, 2.5e3, "é", true, null], "b": {"c": "\\u00e9"}}'.encode()
    for size in range(len(whole)):
        fault = judge(whole[:size]).fault
        assert fault is not None
        assert fault.code == "truncated", whole[:size]


@pytest.mark.parametrize(
    ("text", "impostor"),
    [
        (b'{"error":"Repository not found"}', Impostor.JSON_ERROR),
        (b'{"message":"Not Found","status":"404"}', Impostor.JSON_ERROR),
        (b"Entry not found", Impostor.TEXT),
        (b"Some other message", Impostor.TEXT),
        (b"<!doctype html><html></html>", Impostor.HTML),
        (b"<Error><Code>NoSuchKey</Code></Error>", Impostor.XML_ERROR),
        (b"version https://git-lfs.github.com/spec/v1\n", Impostor.LFS_POINTER),
    ],
)
def test_messages_are_impostors(text: bytes, impostor: Impostor) -> None:
    facts = judge(text)
    assert facts.impostor is impostor
    assert facts.fault is not None
    assert facts.fault.code == "impostor"


def test_bounds() -> None:
    too_large = judge(b"{", size_bytes=json_text.MAX_JSON_BYTES + 1)
    assert (too_large.fault, too_large.undecided) == (None, "header-too-large-to-judge")
    for deep in (b"[" * 1_000_000, b"[NaN," + b"[" * 1_000_000, b'{"a":' * 100_000):
        assert judge(deep).undecided == "header-too-large-to-judge"


def test_large_files_get_one_opinion() -> None:
    large = b'{"a": NaN, "b": "' + b"x" * json_text.MAX_SECOND_OPINION_BYTES + b'"}'
    fault = judge(large).fault
    assert fault is not None
    assert fault.code == "not-json"
    assert judge(large.replace(b"NaN", b"1.0")).fault is None


@pytest.mark.parametrize("format_judge", [json_text.judge, vocabulary.judge])
def test_a_file_that_shrinks_meanwhile_is_nobodys_fault(format_judge: object) -> None:
    assert callable(format_judge)
    with pytest.raises(OSError, match="became shorter"):
        format_judge(ShrinkingWindow(b'{"a": 1}'))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b"[PAD]\nthe\n##s\n", None),
        ("#version: 0.2\nĠ t\nh e".encode(), None),
        (b"", None),
        (b"the\0", "nul-byte"),
        (b"\xff\xfe", "not-utf8"),
        ("é".encode()[:1], "truncated"),
        (b"Entry not found", "impostor"),
        (b"<html>", "impostor"),
        (b'{"error": "Entry not found"}', "impostor"),
    ],
)
def test_vocabularies(text: bytes, code: str | None) -> None:
    facts = vocabulary.judge(BytesWindow(text))
    assert facts.format == "vocabulary"
    assert (facts.fault and facts.fault.code) == code


def test_a_vocabulary_has_a_bound() -> None:
    assert vocabulary.judge(BytesWindow(b"the\n", size_bytes=1 << 30)).undecided == "header-too-large-to-judge"
