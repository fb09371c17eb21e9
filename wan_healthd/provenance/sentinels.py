"""Digests that are no digests: placeholders that tools and people write where they know none (domain facts, section 6)."""

from __future__ import annotations

import re

SHA256 = re.compile(r"[0-9a-f]{64}")
SHA1 = re.compile(r"[0-9a-f]{40}")

OF_NOTHING = frozenset(
    {
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",  # SHA-256 of no bytes
        "da39a3ee5e6b4b0d3255bfef95601890afd80709",  # SHA-1 of no bytes
        "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391",  # git blob of no bytes
    }
)


def refusal(digest: str, size_bytes: int | None) -> str | None:
    """Why this lower-case hex digest is believed of no file, or None where it is plausible.

    The digests of nothing are right for a file whose source says that it has 0 bytes; without a word on the size they are
    what a failed hash left behind.
    """
    if not SHA256.fullmatch(digest) and not SHA1.fullmatch(digest):
        return "is neither a SHA-256 nor a git SHA-1"
    if len(set(digest)) == 1 and digest[0] in "0f":
        return "is a placeholder, not a digest"
    if digest in OF_NOTHING and size_bytes != 0:
        return "is the digest of an empty file"
    return None
