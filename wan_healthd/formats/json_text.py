"""JSON files: configurations, tokenizers, indices. Parsed as their loaders do, but nothing is built from them.

The loaders are Python's `json` (transformers, diffusers) and, for tokenizers, Rust's serde_json. They differ on small things
that real files have, such as `Infinity`; what either takes is not called broken.
"""

from __future__ import annotations

import codecs
import errno
import json
import re

import msgspec

from wan_healthd.domain.evidence import HeaderFacts, HeaderFault, Impostor
from wan_healthd.domain.paths import printable
from wan_healthd.formats.error_bodies import is_nothing_but_error
from wan_healthd.formats.impostors import HEAD_BYTES, facts_of, recognise, recognise_in_text
from wan_healthd.formats.strict_json import Malformed, TooMuch
from wan_healthd.formats.window import Window

FORMAT = "json"
MAX_JSON_BYTES = 32 << 20
"""Read whole up to this; the largest known, the tokenizer of UMT5, has 16,837,417 bytes."""
MAX_SECOND_OPINION_BYTES = 4 << 20
"""Above this only the fast parser is asked: Python's own would need more memory than a file may cost."""

_SYNTAX = msgspec.json.Decoder(msgspec.Raw)
_EMPTY = re.compile(rb"\s*+\{\s*+\}\s*+")
_CUT = "truncated"
_CUT_TOKEN = re.compile(r"|-|[.eE][+-]?|-?[A-Za-z]{1,7}|\\?u?[0-9A-Fa-f]{0,4}")
"""What may stand where the parser gives up, if the text ends inside a number, a word or an escape."""
_TEXT_STEP_BYTES = 1 << 20


def judge(window: Window) -> HeaderFacts:
    """Whether the file is one JSON object or array that is not empty."""
    head = window.read(0, HEAD_BYTES)
    found = recognise_in_text(head, window.size_bytes)
    if found is not None:
        return facts_of(FORMAT, head, found)
    if window.size_bytes > MAX_JSON_BYTES:
        return _undecided(f"{window.size_bytes} bytes, where {MAX_JSON_BYTES} are read")
    return judge_text(read_whole(window))


def judge_text(text: bytes) -> HeaderFacts:
    """The same for a text that is already in memory."""
    try:
        check_syntax(text)
    except TooMuch:
        return _undecided("it nests too deeply to be read")
    except Malformed as fault:
        return _not_json(text, fault)
    if is_nothing_but_error(text):
        return facts_of(FORMAT, text, (Impostor.JSON_ERROR, None))
    return HeaderFacts(format=FORMAT)


def read_whole(window: Window) -> bytes:
    """All bytes of the file; the caller has looked at its size."""
    text = window.read(0, window.size_bytes)
    if len(text) < window.size_bytes:
        raise OSError(errno.ESTALE, "the file became shorter while it was read")
    return text


def check_syntax(text: bytes) -> None:
    """Whether the text is one JSON object or array that is not empty.

    Raises:
        Malformed: it is not; "truncated" where it is the beginning of one.
        TooMuch: it nests too deeply.
    """
    check_utf8(text)
    first = text.lstrip()[:1]
    if not first:
        raise Malformed(_CUT, "the text is empty")
    if first not in (b"{", b"["):
        raise Malformed("not-json", "the text is not a JSON object")
    try:
        _SYNTAX.decode(text)
    except msgspec.DecodeError as error:
        _ask_python(text, error)
    except RecursionError:
        raise TooMuch from None
    if _EMPTY.fullmatch(text):
        raise Malformed("empty-object", "the JSON object has no fields")


def check_utf8(text: bytes) -> None:
    """Whether the bytes are UTF-8 without NUL, decoded piece by piece.

    Raises:
        Malformed: they are not; a character that the end of the file cuts is "truncated".
    """
    if (at := text.find(b"\0")) >= 0:
        raise Malformed("nul-byte", f"the text has a NUL byte at byte {at}")
    if text.isascii():
        return
    decoder = codecs.getincrementaldecoder("utf-8")()
    for start in range(0, len(text), _TEXT_STEP_BYTES):
        try:
            decoder.decode(text[start : start + _TEXT_STEP_BYTES])
        except UnicodeDecodeError as error:
            raise Malformed("not-utf8", f"the text is not UTF-8: {error.reason} behind byte {start}") from error
    if decoder.getstate()[0]:
        raise Malformed(_CUT, "the text ends inside a character")


def _ask_python(text: bytes, error: msgspec.DecodeError) -> None:
    """The second opinion of the loader that is easier to please, where it can be afforded."""
    first = Malformed("not-json", f"the text is not valid JSON: {printable(str(error))}")
    if "truncated" in str(error):
        first = Malformed(_CUT, "the text ends before its JSON does")
    if len(text) > MAX_SECOND_OPINION_BYTES:
        raise first from error
    try:
        json.loads(text.decode())
    except RecursionError:
        raise TooMuch from None
    except json.JSONDecodeError as refusal:
        raise first if first.code == _CUT else _refusal(refusal) from refusal
    except ValueError:  # an integer of more digits than Python converts
        raise first from error


def _refusal(refusal: json.JSONDecodeError) -> Malformed:
    rest = refusal.doc[refusal.pos :].rstrip()
    is_cut = refusal.msg.startswith("Unterminated string") or (refusal.msg != "Extra data" and _CUT_TOKEN.fullmatch(rest))
    if is_cut:
        return Malformed(_CUT, "the text ends before its JSON does")
    return Malformed("not-json", f"the text is not valid JSON: {refusal.msg} in line {refusal.lineno}")


def _not_json(text: bytes, fault: Malformed) -> HeaderFacts:
    """The fault; told as an impostor where it is plainly a message instead of a JSON text."""
    found = recognise(text, len(text)) if fault.code == "not-json" and len(text) <= HEAD_BYTES else None
    if found is not None and text.removeprefix(codecs.BOM_UTF8).lstrip()[:1] not in (b"{", b"["):
        return facts_of(FORMAT, text, found)
    return HeaderFacts(format=FORMAT, fault=HeaderFault(fault.code, fault.detail))


def _undecided(detail: str) -> HeaderFacts:
    return HeaderFacts(format=FORMAT, undecided="header-too-large-to-judge", undecided_detail=detail)
