"""Which of several claims counts, and which contradict one another."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from wan_healthd.domain.catalogue import SOURCES_DISAGREE
from wan_healthd.domain.evidence import Claim
from wan_healthd.domain.files import VerifiedBy
from wan_healthd.domain.findings import Finding

MAX_CONTRADICTIONS = 8
"""Most contradictions that are told of one file."""

_RANK = {source: rank for rank, source in enumerate(VerifiedBy)}


class Contradiction(Struct, frozen=True):
    """Two claims that cannot both be right; `better` has the higher authority. `about` is "size", "SHA-256" or "git SHA-1"."""

    better: Claim
    other: Claim
    about: str
    this: str
    that: str

    def finding(self, path: bytes) -> Finding:
        """The finding, which names both sources. The file is at `path`."""
        return SOURCES_DISAGREE.at(
            path,
            first=self.better.authority,
            second=self.other.authority,
            this=f"its {self.about} is {self.this}",
            that=self.that,
        )


class Choice(Struct, frozen=True):
    """What counts.

    Args:
        best: the claim of the best authority that states a digest (else a size), with its size from the next one that tells
            it and does not contradict. A digest is never filled in: who states it is who vouches for it.
        agreeing: all claims that do not contradict a better one, best first; content must fit every one of them.
        contradictions: of each other claim with the best one that it contradicts.
    """

    best: Claim | None
    agreeing: tuple[Claim, ...]
    contradictions: tuple[Contradiction, ...]


def choose(claims: Sequence[Claim]) -> Choice:
    """Put the claims on one file in order. Among equals the first one given is the better."""
    ordered = sorted(claims, key=lambda claim: _RANK[claim.source])
    agreeing: list[Claim] = []
    contradictions: list[Contradiction] = []
    for claim in ordered:
        dispute = next((found for better in agreeing if (found := contradiction(better, claim)) is not None), None)
        if dispute is None:
            agreeing.append(claim)
        elif len(contradictions) < MAX_CONTRADICTIONS:
            contradictions.append(dispute)
    return Choice(_best(agreeing), tuple(agreeing), tuple(contradictions))


def contradiction(better: Claim, other: Claim) -> Contradiction | None:
    """What the two cannot both be right about; None where they tell different things, or the same."""
    compared = (
        ("SHA-256", better.sha256, other.sha256),
        ("git SHA-1", better.git_sha1, other.git_sha1),
        ("size", _in_bytes(better), _in_bytes(other)),
    )
    for about, this, that in compared:
        if this is not None and that is not None and this != that:
            return Contradiction(better, other, about, this, that)
    return None


def _in_bytes(claim: Claim) -> str | None:
    return None if claim.size_bytes is None else f"{claim.size_bytes} bytes"


def _best(agreeing: Sequence[Claim]) -> Claim | None:
    if not agreeing:
        return None
    best = next((claim for claim in agreeing if claim.sha256 or claim.git_sha1), agreeing[0])
    if best.size_bytes is not None:
        return best
    return replace(best, size_bytes=next((c.size_bytes for c in agreeing if c.size_bytes is not None), None))
