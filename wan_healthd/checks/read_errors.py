"""The storage refuses to give bytes."""

from __future__ import annotations

from collections.abc import Iterator

from wan_healthd.checks.wording import amount
from wan_healthd.domain.catalogue import READ_ERROR
from wan_healthd.domain.evidence import FileEvidence
from wan_healthd.domain.files import Presence
from wan_healthd.domain.findings import Cause, Finding


def check(evidence: FileEvidence) -> Iterator[Finding]:
    """read-error, with the bytes where they are known."""
    content = evidence.content
    if evidence.look.presence is Presence.UNREADABLE:
        errno_name = evidence.look.errno_name or "EIO"
        yield READ_ERROR.at(evidence.path, what="the entry", errno_name=errno_name, cause=Cause.UNREADABLE)
    elif content is not None and content.unreadable:
        yield READ_ERROR.at(
            evidence.path,
            what=amount(content.unreadable),
            errno_name=content.errno_name or "EIO",
            cause=Cause.UNREADABLE,
            ranges=content.unreadable,
            tensors=content.tensors,
        )
