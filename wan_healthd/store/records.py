"""Rows as values."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from wan_healthd.domain.evidence import Expectation, Section
from wan_healthd.domain.files import Role
from wan_healthd.domain.findings import Finding
from wan_healthd.domain.identity import FileIdentity, FileMode
from wan_healthd.domain.models import Model
from wan_healthd.domain.ports import BlockRun
from wan_healthd.domain.verdicts import IntegrityResult

UNWRITTEN = 0
"""The number of a content that is not in the store yet; SQLite's own begin with 1."""


class ContentRecord(Struct, frozen=True):
    """Bytes as once read. Whole only where `sha256` is set: then the block map is complete. `id` may be UNWRITTEN."""

    id: int
    identity: FileIdentity
    sha256: str | None
    is_all_zero: bool
    format: str | None
    packed_header: bytes | None
    bad_sections: tuple[Section, ...] | None
    git_sha1: str | None

    @property
    def is_whole(self) -> bool:
        """Whether every byte was read."""
        return self.sha256 is not None


class FirstRead(Struct, frozen=True):
    """What the first read of a whole content gave. `bad_sections` None: it has no CRCs of its own.

    `runs`: digests of blocks that are not on record yet, in the order of the file, which were read at `at`.
    """

    sha256: str
    at: datetime
    format: str | None = None
    packed_header: bytes | None = None
    all_zero: bool = False
    bad_sections: tuple[Section, ...] | None = None
    git_sha1: str | None = None
    runs: tuple[BlockRun, ...] = ()


class PathRecord(Struct, frozen=True):
    """A place where a file is or was; `judged_at` None: never judged.

    `is_essential`: its model needs it, so that it is missed even if it was never there.
    """

    id: int
    path: bytes
    root: bytes
    role: Role
    content_id: int | None
    judged_at: datetime | None
    mode: FileMode | None
    is_essential: bool = False


class ExpectationRecord(Struct, frozen=True):
    """What should be at a path; `content_id` names the content whose block map is the expected one.

    `is_trusted`: a person accepted it.
    """

    expectation: Expectation
    content_id: int | None
    is_trusted: bool = False


class PathState(Struct, frozen=True):
    """Everything the store knows of one path."""

    record: PathRecord
    content: ContentRecord | None
    expected: ExpectationRecord | None
    findings: tuple[Finding, ...]


class ModelRecord(Struct, frozen=True):
    """A model with its last verdict; `result` None: never judged."""

    model: Model
    checked_at: datetime | None
    status_since: datetime | None
    oldest_read_at: datetime | None
    size_bytes: int
    result: IntegrityResult | None
