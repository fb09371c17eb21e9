"""Pointers, pages and messages are recognised; model files, even odd ones, never are."""

from __future__ import annotations

import hashlib
import pickle
import zipfile
from io import BytesIO

import pytest

from tests.fakes.gguf_files import make as make_gguf
from tests.fakes.safetensors_files import sample
from tests.fakes.windows import BytesWindow
from wan_healthd.domain.evidence import Impostor, LfsPointer
from wan_healthd.formats import impostors
from wan_healthd.formats.lfs_pointer import read_pointer

DIGEST = hashlib.sha256(b"a model").hexdigest()
VERSION = b"version https://git-lfs.github.com/spec/v1\n"


def pointer(oid: str = DIGEST, size: str = "9999658848") -> bytes:
    return VERSION + f"oid sha256:{oid}\nsize {size}\n".encode()


def found(content: bytes, size_bytes: int | None = None) -> tuple[Impostor, LfsPointer | None] | None:
    return impostors.recognise(content[: impostors.HEAD_BYTES], len(content) if size_bytes is None else size_bytes)


def test_a_genuine_pointer_supplies_digest_and_size() -> None:
    assert found(pointer()) == (Impostor.LFS_POINTER, LfsPointer(DIGEST, 9_999_658_848))
    extended = pointer().replace(b"\noid", b"\next-0-foo sha256:" + b"1" * 64 + b"\next-1-bar sha256:" + b"2" * 64 + b"\noid")
    assert found(extended) == (Impostor.LFS_POINTER, LfsPointer(DIGEST, 9_999_658_848))


BROKEN_POINTERS = {
    "zeros": pointer("0" * 64),
    "all f": pointer("f" * 64),
    "digest of the empty file": pointer(hashlib.sha256(b"").hexdigest()),
    "short digest": pointer("a" * 63),
    "capital digits": pointer(DIGEST.upper()),
    "sha1": pointer().replace(b"sha256:" + DIGEST.encode(), b"sha1:" + b"a" * 40),
    "negative size": pointer(size="-1"),
    "size with a leading zero": pointer(size="01"),
    "size of no file": pointer(size="9" * 19),
    "size of a million digits": pointer(size="9" * 900),
    "no size": VERSION + f"oid sha256:{DIGEST}\n".encode(),
    "keys out of order": VERSION + f"size 5\noid sha256:{DIGEST}\n".encode(),
    "extensions out of order": pointer().replace(b"\noid", b"\next-1-a x\next-0-b y\noid"),
    "Windows line ends": pointer().replace(b"\n", b"\r\n"),
    "no newline at the end": pointer().rstrip(),
    "something behind it": pointer() + b"more\n",
    "as long as no pointer is": pointer() + b" " * 1024,
    "old version": b"version https://hawser.github.com/spec/v1\noid sha256:" + DIGEST.encode() + b"\nsize 5\n",
}


@pytest.mark.parametrize("name", BROKEN_POINTERS)
def test_a_broken_pointer_is_an_impostor_that_promises_nothing(name: str) -> None:
    assert found(BROKEN_POINTERS[name]) == (Impostor.LFS_POINTER, None)


def test_a_pointer_longer_than_what_is_seen_promises_nothing() -> None:
    assert read_pointer(pointer(), 5000) is None


IMPOSTORS = {
    "doctype": (b"<!DOCTYPE html>\n<html><body>404</body></html>", Impostor.HTML),
    "html": (b"<html lang=en>", Impostor.HTML),
    "head in capitals": (b"<HEAD>", Impostor.HTML),
    "white space and a byte order mark": (b"\xef\xbb\xbf\r\n\t <!doctype  HTML>", Impostor.HTML),
    "comments before": (b"<!-- a --> <!--b-->\n<html>", Impostor.HTML),
    "XHTML": (b'<?xml version="1.0"?>\n<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0">', Impostor.HTML),
    "long page": (b"<!doctype html>" + b"x" * 100_000, Impostor.HTML),
    "page that is not UTF-8": (b"<html>\xff\xfe\xff", Impostor.HTML),
    "S3": (b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>AccessDenied</Code></Error>', Impostor.XML_ERROR),
    "S3 without a declaration": (b"<Error><Code>NoSuchKey</Code></Error>", Impostor.XML_ERROR),
    "SOAP": (b"<ns:ErrorResponse xmlns:ns='x'>", Impostor.XML_ERROR),
    "hub": (b'{"error":"Repository not found"}', Impostor.JSON_ERROR),
    "hub, spaced": (b'\n{ "error" : "Invalid credentials in Authorization header" }\n', Impostor.JSON_ERROR),
    "Civitai": (b'{"error":"Unauthorized","message":"The creator requires you to be logged in"}', Impostor.JSON_ERROR),
    "GitHub": (b'{"message":"Not Found","documentation_url":"https://docs.github.com","status":"404"}', Impostor.JSON_ERROR),
    "gateway": (b'{"message":"Forbidden"}', Impostor.JSON_ERROR),
    "FastAPI": (b'{"detail":"Not Found"}', Impostor.JSON_ERROR),
    "ModelScope": (b'{"Code":10010205001,"Message":"not found","RequestId":"x","Success":false}', Impostor.JSON_ERROR),
    "long JSON": (b'{"error":"' + b"x" * 100_000 + b'"}', Impostor.JSON_ERROR),
    "cut JSON": (b'{"error":"Repos', Impostor.JSON_ERROR),
    "hub text": (b"Entry not found", Impostor.TEXT),
    "credentials": (b"Invalid username or password.", Impostor.TEXT),
    "git": (b"404: Not Found", Impostor.TEXT),
    "any short text": ("zu viele Anfragen, später\n".encode(), Impostor.TEXT),
    "cut pointer": (b"version https://git-lfs.gi", Impostor.TEXT),
    "prose with a stop": (b"could not find the file.\nTry again.", Impostor.TEXT),
    "prose that begins like a pickle": (b"Service unavailable.\nsee p0\n for more.", Impostor.TEXT),
}  # fmt: skip


@pytest.mark.parametrize("name", IMPOSTORS)
def test_what_downloads_leave_behind_is_recognised(name: str) -> None:
    content, expected = IMPOSTORS[name]
    assert found(content) == (expected, None)
    facts = impostors.judge_weights("safetensors", BytesWindow(content))
    assert facts is not None
    assert (facts.impostor, facts.format) == (expected, "safetensors")
    assert facts.fault is not None
    assert facts.fault.code == "impostor"
    assert facts.fault.detail.isprintable()
    assert len(facts.fault.detail) < 200


def zip_of(content: bytes) -> bytes:
    target = BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("archive/data.pkl", content)
    return target.getvalue()


GENUINE = {
    "safetensors": sample(1, 2000, 2),
    "safetensors whose length is a letter": b"<\0\0\0\0\0\0\0" + b"{" + b" " * 58 + b"}",
    "safetensors whose length is a brace": b'{"\0\0\0\0\0\0' + b"{}",
    "GGUF": make_gguf(),
    "zip": zip_of(b"x"),
    "ONNX": b"\x08\x08\x12\x07pytorch",
    "SentencePiece": b"\x0a\x0e\x0a\x05<unk>\x15\x00\x00\x00\x00\x18\x02",
    "zeros": bytes(4096),
    "empty": b"",
    "blanks": b" " * 4096,
    "a text of 4 KiB and a byte": b"x" * 4097,
    "JSON of another sort": b'{"weight_map":{"a":"b"},"metadata":{}}' + b" " * 5000,
    **{f"pickle {protocol}": pickle.dumps({"a": [1.5, "x"]}, protocol) for protocol in range(6)},
    "smallest pickle": b"N.",
    "rest of a GGUF file": b"GGUF",
    "rest of a zip": b"PK",
    "seven letters": b"letters",
    "integer pickle": b"I42\n.",
    "global in a pickle": b"ccollections\nOrderedDict\n(tR.",
}  # fmt: skip


@pytest.mark.parametrize("name", GENUINE)
def test_model_files_are_no_impostors(name: str) -> None:
    assert found(GENUINE[name]) is None
    assert impostors.judge_weights("any", BytesWindow(GENUINE[name])) is None


TEXTS = {
    "a configuration": (b'{"error":0.5,"model_type":"t5"}', None),
    "an error body": (b'{"error":"x"}', None),
    "a vocabulary": (b"[PAD]\n[UNK]\nthe\n", None),
    "a line of a server": (b"Entry not found\n", Impostor.TEXT),
    "another": (b"404: Not Found", Impostor.TEXT),
    "a page": (b"<html>", Impostor.HTML),
    "a token that looks like a tag": (b"<unk>\n<s>\n</s>\n", None),
    "a pointer": (pointer(), Impostor.LFS_POINTER),
}


@pytest.mark.parametrize("name", TEXTS)
def test_names_of_texts_accuse_less(name: str) -> None:
    content, expected = TEXTS[name]
    answer = impostors.recognise_in_text(content, len(content))
    assert (answer and answer[0]) == expected


def test_the_message_quotes_what_is_there() -> None:
    facts = impostors.judge_weights("gguf", BytesWindow(b"\xef\xbb\xbf\nno \xc2\xa0luck " + b"x" * 200 + b"\nmore"))
    assert facts is None  # a no-break space is not printable
    facts = impostors.judge_weights("gguf", BytesWindow(b"no\tluck " + b"x" * 200 + b"\nmore"))
    assert facts is not None
    assert facts.fault is not None
    assert facts.fault.detail == "the file is a short text saved as a model: no\\tluck " + "x" * 52 + "…"
