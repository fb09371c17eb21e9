"""The manifest that the configuration states, and the pointer in a file's place."""

from __future__ import annotations

import json

import pytest

from tests.unit.provenance.builders import SUBJECT, A, B, ask, codes
from wan_healthd.domain.evidence import Claim, LfsPointer
from wan_healthd.domain.files import VerifiedBy
from wan_healthd.provenance import manifest, pointer
from wan_healthd.provenance.sources import SourceKind, Told, Unusable

NAME = "high/model.safetensors"
PLACE = "/models/wan/MANIFEST"


def ask_manifest(data: str | bytes) -> Told:
    return ask(SourceKind.MANIFEST, data if isinstance(data, bytes) else data.encode(), path=PLACE.encode())


def test_lines_as_in_sha256sums() -> None:
    claim = Claim(VerifiedBy.MANIFEST, f"line 2 of {PLACE}", sha256=A)
    assert ask_manifest(f"# ours\n{A}  {NAME}\n") == Told(claims=(claim,))


@pytest.mark.parametrize(
    ("entry", "claims"),
    [
        ({"sha256": A, "size": 5}, (Claim(VerifiedBy.MANIFEST, PLACE, size_bytes=5, sha256=A),)),
        ({"sha256": A}, (Claim(VerifiedBy.MANIFEST, PLACE, sha256=A),)),
        ({"size": 5}, (Claim(VerifiedBy.MANIFEST, PLACE, size_bytes=5),)),
        ({}, ()),
    ],
)
def test_json(entry: dict[str, object], claims: tuple[Claim, ...]) -> None:
    assert ask_manifest(" \n" + json.dumps({"other": {"sha256": B}, NAME: entry})) == Told(claims=claims)


def test_a_file_that_is_not_in_it_is_not_claimed() -> None:
    assert ask_manifest('{"x":{"size":1}}') == Told()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"nothing\n",
        b"{",
        b"{}}",
        b'{"x":"' + A.encode() + b'"}',
        b'{"x":{"sha-256":"x"}}',
        b'{"x":{"size":-1}}',
        b'{"x":{"size":1e400}}',
        b'{"x":{"size":' + b"1" * 5000 + b"}}",
        b'{"\xff":{}}',
        b'{"x":' * 100_000,
    ],
)
def test_what_is_no_manifest_is_unusable(data: bytes) -> None:
    assert isinstance(manifest.parse(data), Unusable)
    assert codes(ask_manifest(data)) == ["source-unusable"]


def test_too_many_files_are_unusable() -> None:
    parsed = manifest.parse(b"{" + b",".join(b'"%d":{}' % number for number in range(100_001)) + b"}")
    assert isinstance(parsed, Unusable) and "100000 files" in parsed.reason


def test_a_name_that_stands_twice_is_never_a_silent_choice() -> None:
    for data in (f'{{"x":{{"sha256":"{A}"}},"x":{{"sha256":"{B}"}}}}', f'{{"y":{{"sha256":"{A}","sha256":"{B}"}}}}'):
        parsed = manifest.parse(data.encode())
        assert isinstance(parsed, Unusable) and "twice" in parsed.reason


def test_a_pointer_tells_digest_and_size() -> None:
    claim = Claim(VerifiedBy.LFS_POINTER, "the git-LFS pointer in its place", size_bytes=5, sha256=A)
    assert pointer.told(LfsPointer(A, 5), SUBJECT) == Told(claims=(claim,))


def test_a_pointer_to_a_placeholder_tells_its_size_only() -> None:
    answer = pointer.told(LfsPointer("0" * 64, 5), SUBJECT)
    assert [claim.sha256 for claim in answer.claims] == [None] and codes(answer) == ["digest-refused"]
