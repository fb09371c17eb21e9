"""Sources and subjects for tests, short to write."""

from __future__ import annotations

from wan_healthd.domain.models import Layout, Model
from wan_healthd.provenance.sources import SourceFile, SourceKind, Subject, Told
from wan_healthd.provenance.telling import parse, told

A = "a" * 64
B = "b" * 64
GIT = "0123456789abcdef0123456789abcdef01234567"
COMMIT = "1a2b3c4d5e6f70819293a4b5c6d7e8f901234567"
NOTHING_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
NOTHING_SHA1 = "da39a3ee5e6b4b0d3255bfef95601890afd80709"
NOTHING_GIT = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"

ROOT = b"/models"
FILE = b"/models/wan/high/model.safetensors"
MODEL = Model("wan", Layout.FOLDER, b"/models/wan", ROOT)
SUBJECT = Subject(FILE, size_bytes=100, mtime_ns=1_700_000_000_000_000_000)


def a_source(kind: SourceKind, path: bytes = b"/models/wan/SOURCE", *names: bytes) -> SourceFile:
    return SourceFile(kind, path, ROOT, names or (b"high/model.safetensors",))


def ask(kind: SourceKind, data: bytes, subject: Subject = SUBJECT, path: bytes = b"/models/wan/SOURCE") -> Told:
    """What a source with these bytes tells of the subject."""
    source = a_source(kind, path)
    return told(source, parse(source, data), subject)


def codes(answer: Told) -> list[str]:
    return [finding.code for finding in answer.findings]


def digests(answer: Told) -> list[str | None]:
    return [claim.sha256 or claim.git_sha1 for claim in answer.claims]
