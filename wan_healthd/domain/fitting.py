"""How content fits what others say of it."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from wan_healthd.domain.evidence import Claim, FileEvidence
from wan_healthd.domain.files import VerifiedBy


class Content(Struct, frozen=True):
    """What is known of a file's content: its size, and the digests (hex) that were computed so far."""

    size_bytes: int
    sha256: str | None = None
    git_sha1: str | None = None


class Fit(Struct, frozen=True):
    """How content fits the claims on it.

    Args:
        proven_by: the best authority that states this very digest; NONE where no stated digest could be compared, or any claim
            is contradicted.
        wrong_size: the best claim that states another size.
        wrong_digest: the best claim that states another digest; a file of another size has another digest, too.
    """

    proven_by: VerifiedBy = VerifiedBy.NONE
    wrong_size: Claim | None = None
    wrong_digest: Claim | None = None

    @property
    def contradicted(self) -> Claim | None:
        """The claim to tell of: the size says more about what happened than the digest."""
        return self.wrong_size or self.wrong_digest


def fit(content: Content, claims: Sequence[Claim], outdated: Sequence[Claim] = ()) -> Fit:
    """Compare with all claims, which come best first and do not contradict one another.

    `outdated` claims were made before the file was last written to: they prove what fits them, and accuse nothing.
    """
    wrong_size = next((claim for claim in claims if claim.size_bytes not in (None, content.size_bytes)), None)
    wrong_digest = next((claim for claim in claims if _states_digest_of(content, claim) is False), None)
    if wrong_size is not None or wrong_digest is not None:
        return Fit(wrong_size=wrong_size, wrong_digest=wrong_digest)
    proof = next((claim for claim in (*claims, *outdated) if _proves(claim, content)), None)
    return Fit(VerifiedBy.NONE if proof is None else proof.source)


def fit_of(evidence: FileEvidence) -> Fit:
    """How a file fits the claims on it, as far as it was read."""
    identity, reading = evidence.look.identity, evidence.content
    if identity is None:
        return Fit()
    sha256, git_sha1 = (None, None) if reading is None else (reading.sha256, reading.git_sha1)
    return fit(Content(identity.size_bytes, sha256, git_sha1), evidence.claims, evidence.outdated_claims)


def is_proven(evidence: FileEvidence) -> bool:
    """Whether an authority states this very content: then it is right, whatever stood here before."""
    return fit_of(evidence).proven_by is not VerifiedBy.NONE


def has_stated_size(evidence: FileEvidence) -> bool:
    """Whether the file is as long as is claimed, and nobody claims another length."""
    identity = evidence.look.identity
    return identity is not None and {claim.size_bytes for claim in evidence.claims} - {None} == {identity.size_bytes}


def _proves(claim: Claim, content: Content) -> bool:
    return claim.size_bytes in (None, content.size_bytes) and _states_digest_of(content, claim) is True


def _states_digest_of(content: Content, claim: Claim) -> bool | None:
    """Whether the claim has the digest of this content; None where no digest is known on both sides."""
    pairs = ((claim.sha256, content.sha256), (claim.git_sha1, content.git_sha1))
    comparable = [stated == actual for stated, actual in pairs if stated is not None and actual is not None]
    return all(comparable) if comparable else None
