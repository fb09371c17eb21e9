"""Which claim counts."""

from __future__ import annotations

from itertools import permutations

import pytest

from tests.unit.provenance.builders import FILE, GIT, A, B
from wan_healthd.domain.catalogue import is_undetermined
from wan_healthd.domain.evidence import Claim
from wan_healthd.domain.files import VerifiedBy
from wan_healthd.provenance.choose import MAX_CONTRADICTIONS, Choice, choose

OTHER_GIT = GIT[::-1]


def claim(source: VerifiedBy, **said: object) -> Claim:
    return Claim(source, f"the {source}", **said)  # type: ignore[arg-type]


MANIFEST = claim(VerifiedBy.MANIFEST, sha256=A)
TREE = claim(VerifiedBy.HF_TREE, sha256=A, size_bytes=5)
SMALL_TREE = claim(VerifiedBy.HF_TREE, git_sha1=GIT, size_bytes=5)
ETAG = claim(VerifiedBy.ETAG, sha256=A)
SIDECAR = claim(VerifiedBy.SIDECAR, sha256=A)
WRONG_SIDECAR = claim(VerifiedBy.SIDECAR, sha256=B)
POINTER = claim(VerifiedBy.LFS_POINTER, sha256=A, size_bytes=5)


def test_nothing_comes_of_nothing() -> None:
    assert choose([]) == Choice(None, (), ())


def test_the_best_authority_counts_in_whatever_order_claims_come() -> None:
    for order in permutations([TREE, ETAG, SIDECAR, POINTER]):
        assert choose(order) == Choice(TREE, (TREE, ETAG, SIDECAR, POINTER), ())


def test_the_order_is_that_of_the_domain() -> None:
    claims = [claim(source, sha256=A) for source in VerifiedBy]
    assert choose(claims[::-1]).agreeing == tuple(claims)


def test_a_size_is_taken_from_the_next_who_knows_it() -> None:
    best = choose([MANIFEST, ETAG, TREE]).best
    assert best == claim(VerifiedBy.MANIFEST, sha256=A, size_bytes=5)


def test_a_digest_is_never_lent_to_another_authority() -> None:
    assert choose([SMALL_TREE, SIDECAR]) == Choice(SMALL_TREE, (SMALL_TREE, SIDECAR), ())


def test_a_digest_counts_before_a_mere_size_of_a_better_authority() -> None:
    size_only = claim(VerifiedBy.MANIFEST, size_bytes=5)
    assert choose([ETAG, size_only]).best == claim(VerifiedBy.ETAG, sha256=A, size_bytes=5)
    assert choose([size_only]).best == size_only


@pytest.mark.parametrize(
    ("better", "other", "about"),
    [
        (TREE, WRONG_SIDECAR, "SHA-256"),
        (SMALL_TREE, claim(VerifiedBy.ETAG, git_sha1=OTHER_GIT), "git SHA-1"),
        (TREE, claim(VerifiedBy.LFS_POINTER, sha256=A, size_bytes=6), "size"),
        (SMALL_TREE, claim(VerifiedBy.LFS_POINTER, sha256=A, size_bytes=6), "size"),
    ],
)
def test_a_contradiction_names_both(better: Claim, other: Claim, about: str) -> None:
    choice = choose([other, better])
    (found,) = choice.contradictions
    assert choice.best == better and choice.agreeing == (better,)
    assert (found.better, found.other, found.about) == (better, other, about)
    finding = found.finding(FILE)
    assert finding.path == FILE.decode() and is_undetermined(finding)
    assert all(word in finding.message for word in (better.authority, other.authority, found.this, found.that))


def test_lesser_sources_that_contradict_one_another_only_are_told_too() -> None:
    choice = choose([SMALL_TREE, SIDECAR, claim(VerifiedBy.LFS_POINTER, sha256=B, size_bytes=5)])
    assert choice.best == SMALL_TREE
    assert [(found.better.source, found.other.source) for found in choice.contradictions] == [
        (VerifiedBy.SIDECAR, VerifiedBy.LFS_POINTER)
    ]


def test_of_equal_authorities_the_first_is_the_better() -> None:
    choice = choose([SIDECAR, WRONG_SIDECAR])
    assert choice.best == SIDECAR and choice.contradictions[0].other == WRONG_SIDECAR


def test_contradictions_are_bounded() -> None:
    assert len(choose([MANIFEST, *[WRONG_SIDECAR] * 50]).contradictions) == MAX_CONTRADICTIONS
