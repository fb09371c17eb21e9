"""What is wrong with a file or a model, as a typed value."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from msgspec import UNSET, Struct, UnsetType

from wan_healthd.domain.extents import ByteRange


class Category(StrEnum):
    """Where an error or finding belongs (requirement M9.1)."""

    NETWORK = "network"
    STORAGE = "storage"
    FORMAT = "format"
    SYSTEM = "system"


class CorruptionType(StrEnum):
    """Requirement M2.1."""

    FILE_MISSING = "file_missing"
    CHECKSUM_MISMATCH = "checksum_mismatch"
    INCOMPLETE_DOWNLOAD = "incomplete_download"
    INVALID_FORMAT = "invalid_format"
    PERMISSION_ERROR = "permission_error"
    DISK_ERROR = "disk_error"


class Severity(StrEnum):
    """Requirement M2.2, mildest first."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 for the mildest."""
        return list(Severity).index(self)


class Cause(StrEnum):
    """Why content differs from what is expected (requirement M2.3)."""

    TRANSIENT = "transient"
    DISK = "disk"
    REWRITTEN = "rewritten"
    UNREADABLE = "unreadable"


class Finding(Struct, frozen=True):
    """One thing that is wrong, or, where `corruption_type` is None, one piece of advice.

    Advice never makes a model unhealthy. `path` is the damaged file as absolute text; `path_b64` has its exact bytes and is
    present only where they are not UTF-8 or not printable.
    """

    code: str
    category: Category
    corruption_type: CorruptionType | None
    severity: Severity
    path: str | None
    message: str
    suggestion: str
    ranges: tuple[ByteRange, ...] = ()
    tensors: tuple[str, ...] = ()
    cause: Cause | None = None
    first_seen: datetime | None = None
    path_b64: str | UnsetType = UNSET

    def __str__(self) -> str:
        return self.message

    @property
    def is_advice(self) -> bool:
        """Whether it leaves the model healthy."""
        return self.corruption_type is None
