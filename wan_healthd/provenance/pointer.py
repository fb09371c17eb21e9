"""A git-LFS pointer that stands in a file's place says what the file should be."""

from __future__ import annotations

from wan_healthd.domain.evidence import LfsPointer
from wan_healthd.domain.files import VerifiedBy
from wan_healthd.provenance.sources import Subject, Told
from wan_healthd.provenance.stated import Statement, as_told


def told(pointer: LfsPointer, subject: Subject) -> Told:
    """The claim of the pointer that was found at the subject's path."""
    return as_told(
        Statement(VerifiedBy.LFS_POINTER, "the git-LFS pointer in its place", pointer.sha256, pointer.size_bytes), subject
    )
