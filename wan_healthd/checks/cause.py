"""Why content differs from what is expected (requirement M2.3)."""

from __future__ import annotations

from wan_healthd.domain.evidence import ContentReading, Expectation
from wan_healthd.domain.findings import Cause
from wan_healthd.domain.identity import FileIdentity


def cause_of(content: ContentReading, expectation: Expectation, identity: FileIdentity) -> Cause:
    """The cause of a mismatch.

    Transient: the size is right and the second read is as expected, so memory or bus erred, not the file. Otherwise see
    `lasting_cause`.
    """
    same_size = identity.size_bytes == expectation.size_bytes
    if same_size and content.second is not None and not content.second.still_differing:
        return Cause.TRANSIENT
    return lasting_cause(expectation, identity)


def lasting_cause(expectation: Expectation, identity: FileIdentity) -> Cause:
    """The cause of damage that stays.

    Disk: the file system vouches for the very state in which the baseline was taken, yet the bytes differ: nobody wrote them.
    Rewritten: somebody did, whatever the time stamp says. Where only a published digest is known, a person is suspected
    before the disk.
    """
    return Cause.DISK if expectation.identity == identity else Cause.REWRITTEN
