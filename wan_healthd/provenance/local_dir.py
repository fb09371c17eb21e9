"""`.cache/huggingface/download/<path>.metadata`: what `hf download --local-dir` noted of one file.

Three lines: commit, etag, Unix time. The client trusts it while `st_mtime - 1 <= time` (huggingface_hub 2.4.0,
`_local_folder.py`). Its own reader makes folders and deletes what it cannot parse, so it is never called here.
"""

from __future__ import annotations

import re

from msgspec import Struct

from wan_healthd.domain.files import VerifiedBy
from wan_healthd.domain.paths import display, join
from wan_healthd.provenance.hf_tree import COMMIT
from wan_healthd.provenance.sources import SourceFile, SourceKind, Subject, Told, Unusable
from wan_healthd.provenance.stated import Statement, as_told

FOLDER = b".cache/huggingface"
SUFFIX = b".metadata"

MTIME_SLACK_S = 1.0
"""The client allows for time stamps that are not precise."""

_TIME = re.compile(rb"\d{1,12}(?:\.\d{1,20})?")
_LINES = 3


class DownloadMetadata(Struct, frozen=True):
    """One file's note. `commit` is 40 hex digits or None; `etag` is without quotes and weakness, and may be no digest."""

    commit: bytes | None
    etag: str
    timestamp_s: float

    def is_current(self, mtime_ns: int) -> bool:
        """Whether the file was not written to since, by the client's own rule."""
        return mtime_ns / 1e9 - MTIME_SLACK_S <= self.timestamp_s


def parse(data: bytes) -> DownloadMetadata | Unusable:
    """The note, or why it cannot be used."""
    lines = [line.strip() for line in data.split(b"\n", _LINES)[:_LINES]]
    if len(lines) < _LINES or not _TIME.fullmatch(lines[2]):
        return Unusable("it does not hold a commit, an etag and a time")
    commit, etag, time = lines
    return DownloadMetadata(commit if COMMIT.fullmatch(commit) else None, bare_etag(display(etag)), float(time))


def bare_etag(etag: str) -> str:
    """The etag without quotes and mark of weakness (RFC 9110, section 8.8.3), as newer clients write it."""
    return etag.removeprefix("W/").strip('"')


def told(metadata: DownloadMetadata, source: SourceFile, subject: Subject) -> Told:
    """The etag's claim, outdated where the file was written to since; and where the tree of its commit may lie.

    The tree is worth reading either way: what a file of that commit must be does not change by writing to it.
    """
    commit = f" of commit {metadata.commit[:7].decode()}" if metadata.commit is not None else ""
    statement = Statement(VerifiedBy.ETAG, f"the download metadata{commit} in {display(source.path)}", metadata.etag)
    etag = as_told(statement, subject)
    further = _trees(metadata, source)
    if subject.mtime_ns is None or metadata.is_current(subject.mtime_ns):
        return Told(claims=etag.claims, findings=etag.findings, further=further)
    return Told(outdated=etag.claims, findings=etag.findings, further=further)


def metadata_path(folder: bytes, relative: bytes) -> bytes:
    """Where the note of the file at `relative` below the download folder lies."""
    return join(folder, FOLDER + b"/download/" + relative + SUFFIX)


def _trees(metadata: DownloadMetadata, source: SourceFile) -> tuple[SourceFile, ...]:
    if metadata.commit is None:
        return ()
    (name,) = source.names
    folder = source.path.removesuffix(b"/download/" + name + SUFFIX)
    path = join(folder, b"trees/" + metadata.commit + b".json")
    return (SourceFile(SourceKind.HF_TREE, path, source.root, source.names),)
