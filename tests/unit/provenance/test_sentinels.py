"""Digests that nobody may believe."""

from __future__ import annotations

import hashlib

import pytest

from tests.unit.provenance.builders import GIT, NOTHING_GIT, NOTHING_SHA1, NOTHING_SHA256, SUBJECT, A, codes
from wan_healthd.domain.files import VerifiedBy
from wan_healthd.provenance.sentinels import OF_NOTHING, refusal
from wan_healthd.provenance.sources import Subject
from wan_healthd.provenance.stated import Statement, as_told


def test_the_digests_of_nothing_are_what_they_are_called() -> None:
    assert {hashlib.sha256().hexdigest(), hashlib.sha1().hexdigest(), hashlib.sha1(b"blob 0\0").hexdigest()} == OF_NOTHING


@pytest.mark.parametrize("digest", [NOTHING_SHA256, NOTHING_SHA1, NOTHING_GIT])
def test_the_digest_of_nothing_is_right_for_nothing_only(digest: str) -> None:
    assert refusal(digest, 0) is None
    assert refusal(digest, None) == refusal(digest, 5) == "is the digest of an empty file"


@pytest.mark.parametrize("digest", ["0" * 64, "f" * 64, "0" * 40, "f" * 40])
def test_placeholders_are_refused_for_every_size(digest: str) -> None:
    assert refusal(digest, None) == refusal(digest, 0) == "is a placeholder, not a digest"


@pytest.mark.parametrize("text", ["", "abc", "g" * 64, "a" * 63, "a" * 65, "a" * 32, A + "\n", A.upper(), "\u0660" * 64])
def test_what_is_no_digest_is_refused(text: str) -> None:
    assert refusal(text, 5) == "is neither a SHA-256 nor a git SHA-1"


@pytest.mark.parametrize("digest", [A, GIT])
def test_digests_are_believed(digest: str) -> None:
    assert refusal(digest, None) is None


def test_a_claim_tells_the_two_kinds_of_digest_apart() -> None:
    (large,) = as_told(Statement(VerifiedBy.ETAG, "x", A.upper()), SUBJECT).claims
    (small,) = as_told(Statement(VerifiedBy.ETAG, "x", GIT, 7), SUBJECT).claims
    assert (large.sha256, large.git_sha1, large.size_bytes) == (A, None, None)
    assert (small.sha256, small.git_sha1, small.size_bytes) == (None, GIT, 7)


def test_a_refused_digest_is_told_with_its_authority_and_leaves_the_size() -> None:
    answer = as_told(Statement(VerifiedBy.MANIFEST, "/m/SUMS", "0" * 64, 7), SUBJECT)
    (claim,), (finding,) = answer.claims, answer.findings
    assert (claim.size_bytes, claim.sha256) == (7, None)
    assert finding.code == "digest-refused" and finding.is_advice
    assert "/m/SUMS" in finding.message and "placeholder" in finding.message


def test_an_endless_etag_is_cut_in_the_message() -> None:
    (finding,) = as_told(Statement(VerifiedBy.ETAG, "x", "e" * 5000), SUBJECT).findings
    assert len(finding.message) < 300


def test_a_file_that_is_empty_as_stated_is_nothing_to_complain_of() -> None:
    statement = Statement(VerifiedBy.ETAG, "x", NOTHING_GIT)
    assert as_told(statement, Subject(b"/m/empty", size_bytes=0)) == as_told(Statement(VerifiedBy.ETAG, "x", None), SUBJECT)
    assert codes(as_told(statement, Subject(b"/m/absent"))) == ["digest-refused"]
