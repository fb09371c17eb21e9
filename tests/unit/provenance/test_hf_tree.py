"""`trees/<commit>.json`."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.provenance.builders import COMMIT, GIT, NOTHING_GIT, SUBJECT, A, ask, codes, digests
from wan_healthd.domain.evidence import Claim
from wan_healthd.domain.files import VerifiedBy
from wan_healthd.provenance.hf_tree import HfTree, may_be_in_git, parse
from wan_healthd.provenance.sources import LIMIT_BYTES, SourceKind, Told, Unusable

NAME = "high/model.safetensors"
PATH = f"/models/models--a--b/trees/{COMMIT}.json".encode()
LFS = {"size": 100, "blob_id": GIT, "lfs_sha256": A, "lfs_size": 100}


def tree(entry: dict[str, Any], version: object = 1, name: str = NAME) -> bytes:
    return json.dumps({"format_version": version, "files": {name: entry}}, indent=1).encode()


def ask_tree(data: bytes) -> Told:
    return ask(SourceKind.HF_TREE, data, path=PATH)


def test_a_large_file_is_claimed_by_its_sha256_and_never_by_its_pointers_blob() -> None:
    authority = f"the tree of commit 1a2b3c4 in {PATH.decode()}"
    assert ask_tree(tree(LFS)).claims == (Claim(VerifiedBy.HF_TREE, authority, size_bytes=100, sha256=A),)


def test_a_small_file_is_claimed_by_its_blob() -> None:
    (claim,) = ask_tree(tree({"size": 7, "blob_id": GIT})).claims
    assert (claim.size_bytes, claim.sha256, claim.git_sha1) == (7, None, GIT)


def test_an_empty_file_is_claimed_as_empty() -> None:
    (claim,) = ask_tree(tree({"size": 0, "blob_id": NOTHING_GIT})).claims
    assert (claim.size_bytes, claim.git_sha1) == (0, NOTHING_GIT)


def test_a_xet_file_without_a_sha256_is_known_by_size_only() -> None:
    (claim,) = ask_tree(tree({"size": 7, "blob_id": GIT, "xet_hash": A})).claims
    assert claim == Claim(VerifiedBy.HF_TREE, claim.authority, size_bytes=7)


def test_fields_of_later_versions_are_passed_over() -> None:
    assert digests(ask_tree(tree({**LFS, "signed_by": ["x", {}]}))) == [A]


def test_a_file_that_is_not_listed_is_not_claimed() -> None:
    assert ask_tree(tree(LFS, name="other")) == Told()


def test_a_listing_under_another_name_is_used_without_a_commit() -> None:
    (claim,) = ask(SourceKind.HF_TREE, tree(LFS), path=b"/m/trees/x.json").claims
    assert claim.authority == "the tree in /m/trees/x.json"


@pytest.mark.parametrize("version", [2, 0, "1", 1.5, None, {"x": 1}, [1] * 50])
def test_an_unknown_format_says_so(version: object) -> None:
    parsed = parse(tree(LFS, version))
    assert isinstance(parsed, Unusable) and "unknown to this version" in parsed.reason and len(parsed.reason) < 100


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"format_version":1}',
        b'{"format_version":1,"files":[]}',
        b'{"format_version":1,"files":{"a":{"size":"1","blob_id":"x"}}}',
        b'{"format_version":1,"files":{"a":{"size":1}}}',
        b'{"format_version":1,"files":{"a":{"size":-1,"blob_id":"x"}}}',
        b'{"format_version":1,"files":{"a":{"size":9223372036854775808,"blob_id":"x"}}}',
        b'{"format_version":1,"files":{"\\ud800":{"size":1,"blob_id":"x"}}}',
        b'{"format_version":1,"files":{"\xff":{"size":1,"blob_id":"x"}}}',
        b"<html>",
        b"[" * 100_000,
        b'{"format_version":1,"files":' + b'{"a":' * 100_000,
        tree(LFS)[:-3],
    ],
)
def test_what_is_no_listing_is_unusable(data: bytes) -> None:
    assert isinstance(parse(data), Unusable)
    assert codes(ask_tree(data)) == ["source-unusable"]


@pytest.mark.parametrize("path", ["../x", "a/../x", "/etc/passwd", "a\0b", "", "a//b", "./a", "a/", ".."])
def test_a_path_that_no_repository_holds_spoils_the_listing(path: str) -> None:
    assert not may_be_in_git(path)
    assert isinstance(parse(tree(LFS, name=path)), Unusable)


@pytest.mark.parametrize("path", ["a", "a/b", "..a/b..", "...", "ü/☃", "a\\b", "a\nb"])
def test_odd_paths_that_a_repository_may_hold_are_listed(path: str) -> None:
    parsed = parse(tree(LFS, name=path))
    assert isinstance(parsed, HfTree) and list(parsed.files) == [path.encode()]


def test_two_sizes_for_one_file_spoil_the_listing() -> None:
    assert isinstance(parse(tree({**LFS, "lfs_size": 99})), Unusable)


def test_a_digest_that_is_none_leaves_the_size() -> None:
    answer = ask_tree(tree({**LFS, "lfs_sha256": "f" * 64}))
    assert [claim.size_bytes for claim in answer.claims] == [100]
    assert digests(answer) == [None] and codes(answer) == ["digest-refused"]
    assert answer.findings[0].path == SUBJECT.path.decode()


def test_too_many_files_are_unusable() -> None:
    entries = ",".join(f'"{number}":{{"size":1,"blob_id":""}}' for number in range(100_001))
    parsed = parse(f'{{"format_version":1,"files":{{{entries}}}}}'.encode())
    assert isinstance(parsed, Unusable) and "100000 files" in parsed.reason


def test_a_listing_that_is_too_large_is_not_even_parsed() -> None:
    answer = ask_tree(tree(LFS) + b" " * LIMIT_BYTES[SourceKind.HF_TREE])
    assert codes(answer) == ["source-unusable"] and "larger than 8388608 bytes" in answer.findings[0].message
