"""From a digest as a source states it to a claim, or to the finding that it is none."""

from __future__ import annotations

from msgspec import Struct

from wan_healthd.domain.catalogue import DIGEST_REFUSED, SOURCE_UNUSABLE
from wan_healthd.domain.evidence import Claim
from wan_healthd.domain.files import VerifiedBy
from wan_healthd.domain.findings import Finding
from wan_healthd.provenance.sentinels import OF_NOTHING, SHA256, refusal
from wan_healthd.provenance.sources import Subject, Told

SHOWN_DIGEST_CHARS = 80
"""A longer text in the place of a digest is cut in a message."""


class Statement(Struct, frozen=True):
    """What a source states, unchecked; `digest` is hex or whatever stands in its place, None where only a size is stated."""

    source: VerifiedBy
    authority: str
    digest: str | None
    size_bytes: int | None = None


def as_told(statement: Statement, subject: Subject) -> Told:
    """The claim of a plausible digest; else the size alone, if there is one, and what is wrong with the digest."""
    if statement.digest is None:
        return Told(claims=_size_alone(statement))
    digest = statement.digest.lower()
    reason = refusal(digest, statement.size_bytes)
    if reason is None:
        is_sha256 = SHA256.fullmatch(digest) is not None
        claim = Claim(
            statement.source,
            statement.authority,
            size_bytes=statement.size_bytes,
            sha256=digest if is_sha256 else None,
            git_sha1=None if is_sha256 else digest,
        )
        return Told(claims=(claim,))
    if digest in OF_NOTHING and subject.size_bytes == 0:
        return Told(claims=_size_alone(statement))  # true of the file as it is; whether it may be empty, others say
    return Told(claims=_size_alone(statement), findings=(_refused(statement, subject, digest, reason),))


def _size_alone(statement: Statement) -> tuple[Claim, ...]:
    if statement.size_bytes is None:
        return ()
    return (Claim(statement.source, statement.authority, size_bytes=statement.size_bytes),)


def _refused(statement: Statement, subject: Subject, digest: str, reason: str) -> Finding:
    shown = digest if len(digest) <= SHOWN_DIGEST_CHARS else digest[:SHOWN_DIGEST_CHARS] + "…"
    return DIGEST_REFUSED.at(subject.path, authority=statement.authority, digest=shown, reason=reason)


def unusable(path: bytes, reason: str, cure: str = "correct it, write it anew, or remove it") -> Told:
    """Nothing but the finding that the source at `path` cannot be used."""
    return Told(findings=(SOURCE_UNUSABLE.at(path, what=reason, cure=cure),))


def together(parts: list[Told]) -> Told:
    """All that several statements tell."""
    return Told(
        claims=tuple(claim for part in parts for claim in part.claims),
        outdated=tuple(claim for part in parts for claim in part.outdated),
        findings=tuple(finding for part in parts for finding in part.findings),
        further=tuple(source for part in parts for source in part.further),
    )
