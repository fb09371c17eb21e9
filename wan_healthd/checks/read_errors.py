"""The storage refuses to give bytes."""

from __future__ import annotations

from collections.abc import Iterator

from wan_healthd.checks.wording import amount, tensors
from wan_healthd.domain.catalogue import READ_ERROR, UNJUDGED
from wan_healthd.domain.evidence import FileEvidence
from wan_healthd.domain.files import FileLook, Presence
from wan_healthd.domain.findings import Cause, Finding

STORAGE_ERRORS = frozenset({"EIO", "EUCLEAN", "EBADMSG", "EILSEQ", "ENODATA", "EREMOTEIO", "ENOLINK", "ETIMEDOUT"})
"""What a medium, its bus, or a file system with a broken structure answers (see `digest.chunk_reader`)."""


def check(evidence: FileEvidence) -> Iterator[Finding]:
    """read-error, with the bytes where they are known; could-not-judge where the refusal says nothing of the disk."""
    content = evidence.content
    if content is not None and content.unreadable:
        touched = tensors(content.tensors, content.tensors_total, in_header=content.in_header)
        yield READ_ERROR.at(
            evidence.path,
            what=amount(content.unreadable) + touched,
            errno_name=content.errno_name or "EIO",
            cause=Cause.UNREADABLE,
            ranges=content.unreadable,
            tensors=content.tensors,
        )
    elif evidence.look.presence is Presence.UNREADABLE:
        yield _refused(evidence.path, evidence.look)


def _refused(path: bytes, look: FileLook) -> Finding:
    """A process without memory or descriptors, or a network file system that is away, proves no damage."""
    errno_name = look.errno_name or "EIO"
    if errno_name in STORAGE_ERRORS:
        what = "to look at it" if look.identity is None else "to open it"
        return READ_ERROR.at(path, what=what, errno_name=errno_name, cause=Cause.UNREADABLE)
    cure = "look at the journal and at the mounts; it is tried again by itself"
    return UNJUDGED.at(path, what=f"the system refused to open it ({errno_name})", cure=cure)
