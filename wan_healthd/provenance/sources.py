"""The vocabulary: what is asked about, where it is asked, and what comes back."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from wan_healthd.domain.evidence import Claim
from wan_healthd.domain.findings import Finding

MAX_CLAIMS = 4
"""Most different claims that are taken from one source about one file; two are enough to be a contradiction."""


class SourceKind(StrEnum):
    """The kinds of small files that make claims about others."""

    MANIFEST = "manifest"
    """Named in the configuration: JSON, or lines as in SHA256SUMS."""
    HF_TREE = "hf-tree"
    """`trees/<commit>.json` of huggingface_hub."""
    DOWNLOAD_METADATA = "download-metadata"
    """`.cache/huggingface/download/<path>.metadata` of huggingface_hub."""
    SIDECAR = "sidecar"
    """`NAME.sha256`: about one file."""
    SUMS = "sums"
    """`SHA256SUMS`: about the files below its folder."""


LIMIT_BYTES = {
    SourceKind.MANIFEST: 8 << 20,
    SourceKind.HF_TREE: 8 << 20,
    SourceKind.DOWNLOAD_METADATA: 4 << 10,
    SourceKind.SIDECAR: 1 << 20,
    SourceKind.SUMS: 1 << 20,
}
"""No source of a kind may be larger. Read at most one byte more, so that the parser can see that it is."""


class SourceFile(Struct, frozen=True):
    """A file that may make claims about the subject; it need not be there.

    Args:
        path: absolute.
        root: the folder that reading it must not leave, absolute.
        names: under which the subject may be listed in it, best first. For DOWNLOAD_METADATA the subject's path below the
            folder that was downloaded to.
    """

    kind: SourceKind
    path: bytes
    root: bytes
    names: tuple[bytes, ...]

    @property
    def limit_bytes(self) -> int:
        """The most that it may hold."""
        return LIMIT_BYTES[self.kind]


class Subject(Struct, frozen=True):
    """The file that claims are sought for, by its absolute path; size in bytes and mtime in ns where it is there."""

    path: bytes
    size_bytes: int | None = None
    mtime_ns: int | None = None


class Told(Struct, frozen=True):
    """What one source says of the subject.

    Args:
        claims: none where the source knows nothing of it.
        outdated: claims made before the file was last written to: content that fits them is proven, content that does not
            was perhaps changed on purpose.
        findings: what is wrong with the source itself. The same one comes with each subject: keep one for each path and code.
        further: sources that this one leads to.
    """

    claims: tuple[Claim, ...] = ()
    outdated: tuple[Claim, ...] = ()
    findings: tuple[Finding, ...] = ()
    further: tuple[SourceFile, ...] = ()


class Unusable(Struct, frozen=True):
    """A source that cannot be used as a whole; `reason` is one line for people, without a subject ("it is not JSON")."""

    reason: str


NOT_TOLD = Told()
