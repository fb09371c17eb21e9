"""A blob of the hub cache is named by the digest of its content: `models--ORG--NAME/blobs/<etag>`.

64 hex digits are a SHA-256, 40 a git SHA-1. In the shared store of newer clients (`blobs/<xx>/<xet_hash>` beside the
repositories) the name is a xet hash, which looks the same and is no SHA-256; `models--…/blobs/<etag>` is then a link to it,
and it is the *link's* name that is the digest. So every path on the way from a file to its bytes has to be asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from wan_healthd.domain.files import VerifiedBy
from wan_healthd.domain.paths import display
from wan_healthd.provenance.sources import Subject, Told
from wan_healthd.provenance.stated import Statement, as_told, together

_BLOB = re.compile(rb"((?:.*/)?models--[^/]+/blobs)/([0-9a-f]{64}|[0-9a-f]{40})", re.DOTALL)


def told(way: Iterable[bytes], subject: Subject) -> Told:
    """The claims of all blob names on the way: the subject's own path and then each link's absolute target, in turn.

    Names of partial downloads (`<etag>.incomplete`) claim nothing.
    """
    return together([as_told(statement, subject) for path in way if (statement := _statement(path)) is not None])


def _statement(path: bytes) -> Statement | None:
    blob = _BLOB.fullmatch(path)
    if blob is None:
        return None
    return Statement(VerifiedBy.BLOB_NAME, f"the name of its blob in {display(blob[1])}", blob[2].decode())
