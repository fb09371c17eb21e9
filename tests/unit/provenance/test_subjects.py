"""Whose source stands at a path: the way back from `places`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.provenance.builders import COMMIT
from wan_healthd.domain.models import Layout, Model
from wan_healthd.provenance.places import sources_for
from wan_healthd.provenance.sources import SourceFile, SourceKind
from wan_healthd.provenance.subjects import Subjects, manifest_places, of_folder, of_source

ROOT = b"/models"
HEX = COMMIT.encode()
REPOSITORY = ROOT + b"/hub/models--org--name"
NOTES = ROOT + b"/wan/.cache/huggingface"
MANIFESTS = {ROOT + b"/wan/SUMS": ROOT + b"/wan"}


def wide(path: bytes) -> Subjects:
    return Subjects(path, is_wide=True)


@pytest.mark.parametrize(
    ("source", "subjects"),
    [
        (b"/models/wan/a.safetensors.sha256", [Subjects(b"/models/wan/a.safetensors")]),
        (b"/models/wan/a.gguf.sha256sum", [Subjects(b"/models/wan/a.gguf")]),
        (b"/models/wan/a.gguf.sha256.txt", [Subjects(b"/models/wan/a.gguf")]),
        (b"/models/\xff\n.pth.sha256", [Subjects(b"/models/\xff\n.pth")]),
        (b"/models/wan/SHA256SUMS", [wide(b"/models/wan")]),
        (b"/models/sha256sums.txt", [wide(b"/models")]),
        (b"/models/wan/checksums.sha256", [wide(b"/models/wan"), Subjects(b"/models/wan/checksums")]),
        (b"/models/wan/.sha256", []),
        (NOTES + b"/download/a.bin.metadata", [Subjects(b"/models/wan/a.bin")]),
        (NOTES + b"/download/high/a.bin.metadata", [Subjects(b"/models/wan/high/a.bin")]),
        (NOTES + b"/download/high/.metadata", []),
        (NOTES + b"/download/.metadata", []),
        (NOTES + b"/download/a.bin.lock", []),
        (NOTES + b"/download/x.incomplete", []),
        (NOTES + b"/a.metadata", []),
        (NOTES + b"/.gitignore", []),
        (NOTES + b"/trees/" + HEX + b".json", [wide(b"/models/wan")]),
        (NOTES + b"/trees/tmpx.tmp", []),
        (b"/.cache/huggingface/trees/" + HEX + b".json", [wide(b"/")]),
        (b"/.cache/huggingface/download/a.bin.metadata", [Subjects(b"/a.bin")]),
        (REPOSITORY + b"/trees/" + HEX + b".json", [wide(REPOSITORY + b"/snapshots/" + HEX)]),
        (REPOSITORY + b"/trees/main.json", []),
        (REPOSITORY + b"/refs/main", []),
        (b"/models/trees/" + HEX + b".json", []),
        (b"/models/wan/SUMS", [wide(b"/models/wan")]),
        (b"/models/wan/a.safetensors", []),
    ],
)
def test_what_a_source_speaks_of(source: bytes, subjects: list[Subjects]) -> None:
    assert list(of_source(source, MANIFESTS)) == subjects


@pytest.mark.parametrize(
    ("folder", "subjects"),
    [
        (b"/models/wan/.cache", wide(b"/models/wan")),
        (NOTES, wide(b"/models/wan")),
        (NOTES + b"/trees", wide(b"/models/wan")),
        (NOTES + b"/download", wide(b"/models/wan")),
        (NOTES + b"/download/high", wide(b"/models/wan/high")),
        (NOTES + b"/download/high/er", wide(b"/models/wan/high/er")),
        (NOTES + b"/other", None),
        (b"/.cache/huggingface", wide(b"/")),
        (b"/.cache", wide(b"/")),
        (REPOSITORY + b"/trees", wide(REPOSITORY + b"/snapshots")),
        (REPOSITORY + b"/blobs", None),
        (b"/models/wan", None),
        (b"/models/.git", None),
        (b"/models/trees", None),
    ],
)
def test_what_a_folder_of_sources_speaks_of(folder: bytes, subjects: Subjects | None) -> None:
    assert of_folder(folder) == subjects


def test_a_manifest_lies_in_its_model_or_beside_it() -> None:
    assert manifest_places(b"/m/wan", b"SUMS") == {b"/m/wan/SUMS", b"/m/SUMS"}
    assert manifest_places(b"/m/wan", b"../x/SUMS") == {b"/m/x/SUMS", b"/x/SUMS"}
    assert manifest_places(b"/m/wan", b"/etc/SUMS") == {b"/etc/SUMS"}


NAMES = st.binary(min_size=1, max_size=6).filter(lambda name: not set(name) & {0, 0x2F} and name not in (b".", b".."))
PLACES = st.one_of(
    st.lists(NAMES, min_size=1, max_size=4),
    st.lists(NAMES, min_size=1, max_size=3).map(lambda names: [b"models--o--n", b"snapshots", HEX, *names]),
)


@given(PLACES, st.integers(0, 3))
def test_every_source_of_a_file_leads_back_to_it(names: list[bytes], depth: int) -> None:
    """The two modules must not drift apart: whatever `places` would ask about a file speaks of that file here."""
    path = b"/".join([ROOT, *names])
    folder = b"/".join([ROOT, *names[: min(depth, len(names) - 1)]])
    model = Model("wan", Layout.FOLDER, folder, ROOT)
    manifests = dict.fromkeys(manifest_places(model.path, b"SUMS"), model.path)
    for source in sources_for(path, model, b"SUMS"):
        for asked in (source, *_tree_beside(source)):
            assert any(covers(found, path) for found in of_source(asked.path, manifests)), asked


def _tree_beside(source: SourceFile) -> list[SourceFile]:
    """The tree that a note of the client leads to."""
    if source.kind is not SourceKind.DOWNLOAD_METADATA:
        return []
    folder = source.path.removesuffix(b"download/" + source.names[0] + b".metadata")
    return [SourceFile(SourceKind.HF_TREE, folder + b"trees/" + HEX + b".json", source.root, source.names)]


def covers(subjects: Subjects, path: bytes) -> bool:
    return path == subjects.path or (subjects.is_wide and path.startswith(subjects.path.rstrip(b"/") + b"/"))
