"""Content and the claims on it: proven, contradicted, or nothing to compare."""

from __future__ import annotations

import pytest

from wan_healthd.domain.evidence import Claim, FileEvidence
from wan_healthd.domain.files import FileLook, Presence, Role, VerifiedBy
from wan_healthd.domain.fitting import Content, Fit, fit, fit_of, has_stated_size, is_proven

A, B = "a" * 64, "b" * 64
GIT, OTHER_GIT = "1" * 40, "2" * 40
READ = Content(100, A, GIT)
UNREAD = Content(100)

TREE = Claim(VerifiedBy.HF_TREE, "the tree", 100, sha256=A)
TREE_SIZE = Claim(VerifiedBy.HF_TREE, "the tree", 100)
SMALL = Claim(VerifiedBy.HF_TREE, "the tree", 100, git_sha1=GIT)
ETAG = Claim(VerifiedBy.ETAG, "the note", sha256=A)
WRONG_ETAG = Claim(VerifiedBy.ETAG, "the note", sha256=B)
WRONG_SIZE = Claim(VerifiedBy.SIDECAR, "the list", 101)
WRONG_BOTH = Claim(VerifiedBy.HF_TREE, "the tree", 101, sha256=B)
OLD = Claim(VerifiedBy.ETAG, "the old note", git_sha1=GIT)


@pytest.mark.parametrize(
    ("content", "claims", "outdated", "proven_by"),
    [
        (READ, (TREE, ETAG), (), VerifiedBy.HF_TREE),
        (READ, (TREE_SIZE, ETAG), (), VerifiedBy.ETAG),
        (READ, (SMALL,), (), VerifiedBy.HF_TREE),
        (READ, (), (OLD,), VerifiedBy.ETAG),
        (READ, (TREE_SIZE,), (WRONG_ETAG, OLD), VerifiedBy.ETAG),
        (READ, (), (WRONG_ETAG,), VerifiedBy.NONE),
        (READ, (), (WRONG_BOTH,), VerifiedBy.NONE),
        (READ, (TREE_SIZE,), (), VerifiedBy.NONE),
        (READ, (), (), VerifiedBy.NONE),
        (UNREAD, (TREE, ETAG), (OLD,), VerifiedBy.NONE),
        (Content(100, A), (SMALL,), (), VerifiedBy.NONE),
    ],
)
def test_the_best_authority_that_states_the_digest_proves_it(
    content: Content, claims: tuple[Claim, ...], outdated: tuple[Claim, ...], proven_by: VerifiedBy
) -> None:
    found = fit(content, claims, outdated)
    assert found == Fit(proven_by)
    assert found.contradicted is None


@pytest.mark.parametrize(
    ("content", "claims", "wrong_size", "wrong_digest", "told"),
    [
        (READ, (TREE, WRONG_ETAG), None, WRONG_ETAG, WRONG_ETAG),
        (READ, (WRONG_ETAG, WRONG_SIZE), WRONG_SIZE, WRONG_ETAG, WRONG_SIZE),
        (READ, (ETAG, WRONG_SIZE), WRONG_SIZE, None, WRONG_SIZE),
        (READ, (WRONG_BOTH,), WRONG_BOTH, WRONG_BOTH, WRONG_BOTH),
        (UNREAD, (WRONG_BOTH,), WRONG_BOTH, None, WRONG_BOTH),
        (Content(100, A, OTHER_GIT), (SMALL,), None, SMALL, SMALL),
    ],
)
def test_content_must_fit_every_claim(
    content: Content, claims: tuple[Claim, ...], wrong_size: Claim | None, wrong_digest: Claim | None, told: Claim
) -> None:
    found = fit(content, claims, (OLD,))
    assert found == Fit(VerifiedBy.NONE, wrong_size, wrong_digest)
    assert found.contradicted == told


def test_what_is_not_there_fits_nothing_and_contradicts_nobody() -> None:
    evidence = FileEvidence(b"/m/a.safetensors", Role.WEIGHTS, FileLook(Presence.ABSENT), claims=(TREE, WRONG_BOTH))
    assert fit_of(evidence) == Fit()
    assert not is_proven(evidence)
    assert not has_stated_size(evidence)
