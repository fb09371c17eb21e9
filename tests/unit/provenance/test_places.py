"""Where claims may stand."""

from __future__ import annotations

import pytest

from tests.unit.provenance.builders import COMMIT, FILE, MODEL, ROOT
from wan_healthd.domain.files import Presence
from wan_healthd.domain.models import Layout, Model
from wan_healthd.provenance.places import MAX_FOLDERS, sources_for
from wan_healthd.provenance.sidecar import LISTS, SUFFIXES
from wan_healthd.provenance.sources import SourceFile, SourceKind
from wan_healthd.provenance.telling import unread

SNAPSHOT = b"/models/hub/models--org--name/snapshots/" + COMMIT.encode()
CACHED = SNAPSHOT + b"/high/model.safetensors"
HUB_MODEL = Model("org/name", Layout.FOLDER, SNAPSHOT, ROOT)


def paths(sources: tuple[SourceFile, ...], kind: SourceKind) -> list[bytes]:
    return [source.path for source in sources if source.kind is kind]


def test_best_authority_first() -> None:
    kinds = [source.kind for source in sources_for(CACHED, HUB_MODEL, b"M")]
    assert kinds == sorted(kinds, key=list(SourceKind).index)
    assert sources_for(FILE, MODEL)[0].kind is SourceKind.DOWNLOAD_METADATA


def test_every_folder_up_to_the_root_may_have_been_downloaded_to() -> None:
    sources = sources_for(FILE, MODEL)
    assert [(source.path, source.names) for source in sources if source.kind is SourceKind.DOWNLOAD_METADATA] == [
        (b"/models/wan/high/.cache/huggingface/download/model.safetensors.metadata", (b"model.safetensors",)),
        (b"/models/wan/.cache/huggingface/download/high/model.safetensors.metadata", (b"high/model.safetensors",)),
        (b"/models/.cache/huggingface/download/wan/high/model.safetensors.metadata", (b"wan/high/model.safetensors",)),
    ]
    assert {source.root for source in sources} == {ROOT}


def test_sidecars_lie_beside_the_file_and_lists_above_it() -> None:
    sources = sources_for(FILE, MODEL)
    assert paths(sources, SourceKind.SIDECAR) == [FILE + suffix for suffix in SUFFIXES]
    folders = (b"/models/wan/high/", b"/models/wan/", b"/models/")
    assert paths(sources, SourceKind.SUMS) == [folder + name for folder in folders for name in LISTS]
    assert next(s.names for s in sources if s.path == b"/models/wan/SHA256SUMS") == (b"high/model.safetensors", FILE)


def test_a_cached_file_is_in_the_tree_of_its_snapshot() -> None:
    sources = sources_for(CACHED, HUB_MODEL)
    tree = SourceFile(
        SourceKind.HF_TREE,
        b"/models/hub/models--org--name/trees/" + COMMIT.encode() + b".json",
        ROOT,
        (b"high/model.safetensors",),
    )
    assert sources[0] == tree
    assert paths(sources, SourceKind.DOWNLOAD_METADATA) == []
    assert {path.rsplit(b"/", 1)[0] for path in paths(sources, SourceKind.SUMS)} == {SNAPSHOT, SNAPSHOT + b"/high"}


def test_nothing_outside_the_root_is_asked_for() -> None:
    inside = Model("x", Layout.FOLDER, SNAPSHOT + b"/high", SNAPSHOT + b"/high")
    sources = sources_for(CACHED, inside)
    assert paths(sources, SourceKind.HF_TREE) == []
    assert all(source.path.startswith(inside.root) for source in sources)


@pytest.mark.parametrize("revision", [b"main", COMMIT.encode()[:-1], b"../" + COMMIT.encode()])
def test_only_commits_have_trees(revision: bytes) -> None:
    path = b"/models/models--o--n/snapshots/" + revision + b"/x"
    assert paths(sources_for(path, MODEL), SourceKind.HF_TREE) == []


@pytest.mark.parametrize(
    ("stated", "path", "root", "names"),
    [
        (b"SUMS", b"/models/wan/SUMS", ROOT, (b"high/model.safetensors", FILE)),
        (b"high/SUMS", b"/models/wan/high/SUMS", ROOT, (b"model.safetensors", b"high/model.safetensors", FILE)),
        (b"../SUMS", b"/models/SUMS", ROOT, (b"wan/high/model.safetensors", b"high/model.safetensors", FILE)),
        (b"/etc/sums/wan", b"/etc/sums/wan", b"/etc/sums", (b"high/model.safetensors", FILE)),
    ],
)
def test_the_stated_manifest(stated: bytes, path: bytes, root: bytes, names: tuple[bytes, ...]) -> None:
    assert sources_for(FILE, MODEL, stated)[0] == SourceFile(SourceKind.MANIFEST, path, root, names)


def test_the_manifest_of_a_single_file_lies_beside_it() -> None:
    single = Model("x", Layout.SINGLE_FILE, FILE, ROOT)
    manifest = sources_for(FILE, single, b"SUMS")[0]
    assert manifest.path == b"/models/wan/high/SUMS" and manifest.names[0] == b"model.safetensors"


def test_a_source_says_nothing_of_itself() -> None:
    path = b"/models/wan/SHA256SUMS"
    assert path not in [source.path for source in sources_for(path, MODEL, b"SHA256SUMS")]


def test_roots_may_be_the_root() -> None:
    model = Model("x", Layout.SINGLE_FILE, b"/x.gguf", b"/")
    sources = sources_for(b"/x.gguf", model)
    assert paths(sources, SourceKind.DOWNLOAD_METADATA) == [b"/.cache/huggingface/download/x.gguf.metadata"]
    assert paths(sources, SourceKind.SUMS)[0] == b"/SHA256SUMS"


def test_endless_nesting_is_not_climbed() -> None:
    path = ROOT + b"/a" * 500 + b"/x.gguf"
    assert len(paths(sources_for(path, MODEL), SourceKind.DOWNLOAD_METADATA)) == MAX_FOLDERS


def test_absent_sources_are_nothing_to_tell() -> None:
    tree = SourceFile(SourceKind.HF_TREE, b"/models/trees/x.json", ROOT, (b"x",))
    assert unread(tree, Presence.ABSENT) == unread(tree, Presence.FILE) == ()


@pytest.mark.parametrize(
    ("kind", "presence", "errno_name", "said"),
    [
        (SourceKind.MANIFEST, Presence.ABSENT, None, "it is not there"),
        (SourceKind.HF_TREE, Presence.FORBIDDEN, "EACCES", "it may not be read (EACCES)"),
        (SourceKind.SUMS, Presence.IRREGULAR, None, "it is not a regular file"),
        (SourceKind.SUMS, Presence.FILE, "EIO", "it could not be read (EIO)"),
    ],
)
def test_a_source_that_could_not_be_read_is_told(
    kind: SourceKind, presence: Presence, errno_name: str | None, said: str
) -> None:
    (finding,) = unread(SourceFile(kind, b"/models/S", ROOT, (b"x",)), presence, errno_name)
    assert finding.code == "source-unusable" and finding.is_advice
    assert finding.path == "/models/S" and said in finding.message
