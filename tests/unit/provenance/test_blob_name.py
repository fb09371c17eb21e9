"""Blob names of the hub cache."""

from __future__ import annotations

import pytest

from tests.unit.provenance.builders import COMMIT, GIT, SUBJECT, A, B, codes, digests
from wan_healthd.domain.files import VerifiedBy
from wan_healthd.provenance.blob_name import told

REPOSITORY = b"/cache/models--org--name"
SNAPSHOT = REPOSITORY + b"/snapshots/" + COMMIT.encode()


@pytest.mark.parametrize(("name", "sha256", "git_sha1"), [(A, A, None), (GIT, None, GIT)])
def test_a_blob_is_named_by_its_digest(name: str, sha256: str | None, git_sha1: str | None) -> None:
    (claim,) = told([REPOSITORY + b"/blobs/" + name.encode()], SUBJECT).claims
    assert (claim.source, claim.sha256, claim.git_sha1) == (VerifiedBy.BLOB_NAME, sha256, git_sha1)
    assert claim.authority == "the name of its blob in /cache/models--org--name/blobs"


@pytest.mark.parametrize(
    "path",
    [
        f"/cache/blobs/{A[:2]}/{A}",  # the shared store: a xet hash
        f"/cache/blobs/{A}",
        f"/cache/models--o--n/blobs/{A}.incomplete",
        f"/cache/models--o--n/blobs/{A}.1a2b3c4d.incomplete",
        f"/cache/models--o--n/blobs/{A}.lock",
        f"/cache/models--o--n/blobs/{A.upper()}",
        f"/cache/models--o--n/blobs/{A}/x",
        f"/cache/models--o--n/blobs/aa/{A}",
        f"/cache/datasets--o--n/blobs/{A}",
        f"/cache/blobs/models--o--n/{A}",
        f"/cache/models--o--n/snapshots/{COMMIT}/{A}",
        f"/cache/models--o--n/blobs/{A}\n",
        "/cache/models--o--n/blobs/",
    ],
)
def test_other_names_claim_nothing(path: str) -> None:
    answer = told([path.encode()], SUBJECT)
    assert (answer.claims, answer.findings) == ((), ())


def test_a_placeholder_name_is_told() -> None:
    answer = told([REPOSITORY + b"/blobs/" + b"0" * 64], SUBJECT)
    assert answer.claims == () and codes(answer) == ["digest-refused"]


def test_in_the_shared_store_it_is_the_links_name_that_counts() -> None:
    start = SNAPSHOT + b"/high/model.safetensors"
    link, store = REPOSITORY + b"/blobs/" + A.encode(), f"/cache/blobs/{B[:2]}/{B}".encode()
    assert digests(told([start, link, store], SUBJECT)) == [A]
