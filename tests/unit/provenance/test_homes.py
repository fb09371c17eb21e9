"""Which other files a source names with some digest."""

from __future__ import annotations

import hashlib
import json

import pytest

from wan_healthd.domain.models import Layout, Model
from wan_healthd.provenance.homes import homes, homes_at_hub
from wan_healthd.provenance.hub import pinned
from wan_healthd.provenance.sources import SourceFile, SourceKind, Subject, Unusable
from wan_healthd.provenance.telling import parse

SHA = hashlib.sha256(b"x").hexdigest()
OTHER_SHA = hashlib.sha256(b"y").hexdigest()
SUBJECT = Subject(b"/r/m/low/a.safetensors")


def source(kind: SourceKind, *names: bytes) -> SourceFile:
    return SourceFile(kind, b"/r/m/list", b"/r", names or (b"low/a.safetensors",))


def tree(**files: str) -> bytes:
    entries = {name: {"size": 1, "blob_id": "0" * 39 + "1", "lfs_sha256": digest} for name, digest in files.items()}
    return json.dumps({"format_version": 1, "files": entries}).encode()


def sums(*names: str, digest: str = SHA) -> bytes:
    return "".join(f"{digest}  {name}\n" for name in names).encode()


CASES = {
    "a tree": (
        SourceKind.HF_TREE,
        tree(**{"high/a.safetensors": SHA, "low/a.safetensors": OTHER_SHA}),
        [b"/r/m/high/a.safetensors"],
    ),
    "a list": (SourceKind.SUMS, sums("./high/a.safetensors", "/r/m/b"), [b"/r/m/high/a.safetensors", b"/r/m/b"]),
    "upper case": (SourceKind.SUMS, sums("b", digest=SHA.upper()), [b"/r/m/b"]),
    "a manifest": (SourceKind.MANIFEST, json.dumps({"b": {"sha256": SHA}, "c": {}}).encode(), [b"/r/m/b"]),
    "a manifest of lines": (SourceKind.MANIFEST, sums("b"), [b"/r/m/b"]),
    "other digests": (SourceKind.SUMS, sums("b", digest=OTHER_SHA), []),
    "its own line": (SourceKind.SUMS, sums("low/a.safetensors"), []),
    "a name that leaves the folder": (SourceKind.SUMS, sums("../../etc/shadow", "a/../b"), []),
    "a sidecar": (SourceKind.SIDECAR, sums("b"), []),
    "nothing usable": (SourceKind.MANIFEST, b"{", []),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_homes(name: str) -> None:
    kind, data, expected = CASES[name]
    where = source(kind)
    assert list(homes(parse(where, data), where, SUBJECT, SHA)) == expected


def test_a_source_that_knows_the_file_by_its_whole_path_only_tells_whole_paths() -> None:
    where = source(SourceKind.MANIFEST, SUBJECT.path)
    assert list(homes(parse(where, sums("b", "/r/m/c")), where, SUBJECT, SHA)) == [b"/r/m/c"]
    assert list(homes(Unusable("x"), where, SUBJECT, SHA)) == []


def test_the_hub_knows_the_other_files_of_a_repository() -> None:
    commit = "ab" * 20
    pin = pinned("Wan-AI/x", commit, tree(**{"high/a.safetensors": SHA, "low/a.safetensors": OTHER_SHA}))
    assert not isinstance(pin, Unusable)
    model = Model("m", Layout.FOLDER, b"/r/m", b"/r")
    assert list(homes_at_hub(pin, model, SUBJECT, SHA)) == [b"/r/m/high/a.safetensors"]
    single = Model("a", Layout.SINGLE_FILE, SUBJECT.path, b"/r")
    assert list(homes_at_hub(pin, single, SUBJECT, SHA)) == []
