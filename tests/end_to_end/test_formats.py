"""Every format and every damage, through `wan-healthd scan`: with a baseline, and by what a first look alone can tell.

What a stretch of a file holds is known from how the file was made, or asked of the standard library; never of our own parsers.
"""

from __future__ import annotations

import itertools
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.fakes.every_format import SHARD, SHARD_CONTENT, Specimen, every
from tests.support.control import Document
from tests.support.damage import Edit, block_of, cut, edit, flip_bit, overwrite, put_back
from tests.support.gguf_material import gguf_vocabularies
from tests.support.material import CannotFetch, Material, Member, obtain
from tests.support.scans import Scan, scan

__all__ = ["gguf_vocabularies"]  # a fixture

ONNX = Member(
    "silero-vad==6.2.3",
    "silero_vad/data/silero_vad_16k_sequence.onnx",
    1_246_165,
    "9ccdacc4719d8aa7e45a77536bfabec45a03ba1f2fad5e241ab4060b24238a85",
)
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"4d7a" * 16 + b"\nsize 9943978832\n"
PAGE = b"<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body>Please sign in</body></html>\n"
ERROR = b'{"error":"Access to this model is restricted and you are not in the authorized list"}'

DAMAGES: dict[str, Callable[[Specimen], Edit]] = {
    "bit flipped": lambda specimen: flip_bit(specimen.flip_at),
    "4 KiB zeroed": lambda specimen: overwrite(specimen.zeroed_at, bytes(4096)),
    "cut by one byte": lambda specimen: cut(len(specimen.content) - 1),
    "cut in half": lambda specimen: cut(len(specimen.content) // 2),
    "one byte added": lambda specimen: overwrite(len(specimen.content), b"x"),
    "zeros": lambda specimen: overwrite(0, bytes(len(specimen.content))),
    "empty": lambda specimen: cut(0),
    "LFS pointer": lambda specimen: put_back(POINTER),
    "HTML page": lambda specimen: put_back(PAGE),
    "JSON error": lambda specimen: put_back(ERROR),
}
SPECIMENS = dict(every())
WEIGHTS = ("safetensors", "gguf", "torch zip", "torch zip without CRCs", "torch legacy", "TorchScript")
JSON = ("config", "shard index")
WITH_CRCS = ("torch zip", "TorchScript")


class Expected(NamedTuple):
    """The types that must be told against a baseline, and at a first look; None: nobody can tell, so nothing is said."""

    known: str
    first: str | None


LOST, WRONG_FORM = (Expected(kind, kind) for kind in ("incomplete_download", "invalid_format"))
OTHER_CONTENT = Expected("checksum_mismatch", None)
OWN_CRC = Expected("checksum_mismatch", "checksum_mismatch")
LOST_UNSEEN = Expected("incomplete_download", None)

RULE = {
    "bit flipped": OTHER_CONTENT,
    "4 KiB zeroed": OTHER_CONTENT,
    "cut by one byte": LOST,
    "cut in half": LOST,
    "one byte added": OTHER_CONTENT,
    "zeros": WRONG_FORM,
    "empty": LOST,
    "LFS pointer": LOST,
    "HTML page": LOST,
    "JSON error": LOST,
}
EXCEPTIONS = {
    **{(name, damage): OWN_CRC for name in WITH_CRCS for damage in ("bit flipped", "4 KiB zeroed")},
    **{(name, "4 KiB zeroed"): WRONG_FORM for name in (*JSON, "vocabulary")},
    # ggml and torch accept what is behind the end; a vocabulary's last line may be any.
    **{(name, "one byte added"): WRONG_FORM for name in ("safetensors", *JSON)},
    # Without its last lines it is a vocabulary still.
    **{("vocabulary", damage): LOST_UNSEEN for damage in ("cut by one byte", "cut in half")},
}
CASES = list(itertools.product(SPECIMENS, DAMAGES))


class Scans(NamedTuple):
    """The same files, intact, then damaged: with what was learnt of the intact ones, and without."""

    root: Path
    intact: Scan
    known: Scan
    first: Scan

    def path(self, name: str, damage: str) -> Path:
        return place(self.root, name, damage) / SPECIMENS[name].name

    def finding(self, answer: Scan, name: str, damage: str) -> Document | None:
        """The one finding in all of that case's folder, on the damaged file itself; None if there is none."""
        path = self.path(name, damage)
        issues = answer.issues_below(path.parent)
        assert issues == answer.issues_at(path), "what follows from the damage is folded into it"
        assert len(issues) <= 1, "one damage, one finding"
        return issues[0] if issues else None


def place(root: Path, name: str, damage: str) -> Path:
    return root / name.replace(" ", "-") / damage.replace(" ", "-")


def put(folder: Path, name: str, specimen: Specimen) -> None:
    """A model folder with this file in it, and with all that it needs beside it."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text('{"_class_name": "WanModel"}')
    if name not in WEIGHTS:
        (folder / (SHARD if name == "shard index" else "wan.safetensors")).write_bytes(SHARD_CONTENT)
    (folder / specimen.name).write_bytes(specimen.content)


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Scans:
    folder = tmp_path_factory.mktemp("formats")
    root, state = folder / "models", folder / "state.db"
    for (name, specimen), damage in itertools.product(SPECIMENS.items(), (*DAMAGES, "gone")):
        put(place(root, name, damage), name, specimen)
    intact = scan(root, "--state", state)
    for (name, specimen), (damage, change) in itertools.product(SPECIMENS.items(), DAMAGES.items()):
        edit(place(root, name, damage) / specimen.name, change(specimen))
    for name, specimen in SPECIMENS.items():
        (place(root, name, "gone") / specimen.name).unlink()
    scans = Scans(root, intact, scan(root, "--state", state), scan(root))
    shutil.rmtree(root)
    return scans


def test_intact_files_have_no_finding(scans: Scans) -> None:
    assert (scans.intact.status, scans.intact.issues) == (0, [])
    for name, damage in CASES:
        row = scans.intact.file(scans.path(name, damage))
        assert (row["status"], row["verified_by"]) == ("healthy", "zip-crc" if name in WITH_CRCS else "baseline")


@pytest.mark.parametrize(("name", "damage"), CASES)
def test_damage_of_a_known_file_has_the_right_type(scans: Scans, name: str, damage: str) -> None:
    finding = scans.finding(scans.known, name, damage)
    assert finding is not None
    assert finding["corruption_type"] == EXCEPTIONS.get((name, damage), RULE[damage]).known
    assert finding["path"] == str(scans.path(name, damage))
    assert scans.known.model_with(scans.path(name, damage))["health_status"] == "corrupted"


def test_a_first_look_cannot_tell_which_of_index_and_shard_is_wrong(scans: Scans) -> None:
    """The flipped bit is in the name of a tensor in the index: nobody knows yet that the shard is as it should be."""
    index = scans.path("shard index", "bit flipped")
    (issue,) = scans.first.issues_below(index.parent)
    assert (issue["code"], issue["corruption_type"], issue["path"]) == (
        "tensors-absent",
        "invalid_format",
        str(index.parent / SHARD),
    )


@pytest.mark.parametrize(("name", "damage"), [case for case in CASES if case != ("shard index", "bit flipped")])
def test_a_first_look_tells_what_it_can(scans: Scans, name: str, damage: str) -> None:
    finding = scans.finding(scans.first, name, damage)
    expected = EXCEPTIONS.get((name, damage), RULE[damage]).first
    assert (None if finding is None else finding["corruption_type"]) == expected
    model = scans.first.model_with(scans.path(name, damage))
    assert model["health_status"] == ("healthy" if expected is None else "corrupted")


@pytest.mark.parametrize("name", SPECIMENS)
def test_a_known_file_that_is_gone_is_missing(scans: Scans, name: str) -> None:
    finding = scans.finding(scans.known, name, "gone")
    assert finding is not None
    assert (finding["corruption_type"], finding["path"]) == ("file_missing", str(scans.path(name, "gone")))


@pytest.mark.parametrize("damage", ["bit flipped", "4 KiB zeroed"])
@pytest.mark.parametrize("name", WEIGHTS)
def test_a_baseline_names_the_block_and_what_is_in_it(scans: Scans, name: str, damage: str) -> None:
    """Where the file has CRCs of its own, of what is in the block only what they prove to be damaged."""
    specimen, finding = SPECIMENS[name], scans.finding(scans.known, name, damage)
    assert finding is not None
    damaged = (specimen.flip_at, 1) if damage == "bit flipped" else (specimen.zeroed_at, 4096)
    block = block_of(damaged[0], len(specimen.content))
    assert finding["ranges"] == [block]
    in_block = specimen.parts_in((block["offset"], block["length"]))
    assert finding["tensors"] == (specimen.parts_in(damaged) if name in WITH_CRCS else in_block)


@pytest.mark.parametrize("damage", ["bit flipped", "4 KiB zeroed"])
@pytest.mark.parametrize("name", WITH_CRCS)
def test_a_crc_names_the_very_section(scans: Scans, name: str, damage: str) -> None:
    specimen, finding = SPECIMENS[name], scans.finding(scans.first, name, damage)
    assert finding is not None
    (part,) = specimen.parts_in((specimen.flip_at, 1) if damage == "bit flipped" else (specimen.zeroed_at, 4096))
    offset, length = specimen.parts[part]
    assert (finding["tensors"], finding["ranges"]) == ([part], [{"offset": offset, "length": length}])


@pytest.mark.parametrize("name", ["safetensors", "gguf", "torch legacy"])
def test_a_cut_names_the_tensors_that_it_took(scans: Scans, name: str) -> None:
    specimen = SPECIMENS[name]
    half, size = len(specimen.content) // 2, len(specimen.content)
    for answer in (scans.known, scans.first):
        finding = scans.finding(answer, name, "cut in half")
        assert finding is not None
        assert finding["ranges"] == [{"offset": half, "length": size - half}]
        assert finding["tensors"] == specimen.parts_in((half, size - half))


# Real files


@pytest.fixture(scope="session")
def onnx(material: Material) -> Path:
    try:
        return obtain(ONNX)
    except CannotFetch as failure:
        pytest.skip(f"no real ONNX file: {failure}")


def lay_out(folder: Path, files: list[Path]) -> list[Path]:
    """Copies under names that say their format; what torch saved as TorchScript is a `.pt` file by its documentation."""
    folder.mkdir()
    copies = [folder / f"{number}-{path.name.replace('.jit', '.pt')}" for number, path in enumerate(files)]
    for path, copy in zip(files, copies, strict=True):
        shutil.copyfile(path, copy)
    return copies


def test_real_files_have_no_finding(
    tmp_path: Path, material: Material, onnx: Path, gguf_vocabularies: tuple[Path, ...]
) -> None:
    checked = [*material.torch_zips, material.torchscript]
    others = [*material.torch_legacy, *gguf_vocabularies, material.silero, onnx]
    copies = lay_out(tmp_path / "models", [*checked, *others])
    for answer in (scan(tmp_path / "models"), scan(tmp_path / "models", "--full")):
        assert (answer.status, answer.issues) == (0, [])
        authorities = [answer.file(copy)["verified_by"] for copy in copies]
        assert authorities == ["zip-crc"] * len(checked) + ["baseline"] * len(others)


def test_the_standard_library_agrees_which_entry_of_a_real_archive_is_broken(tmp_path: Path, material: Material) -> None:
    copies = lay_out(tmp_path / "models", [*material.torch_zips, material.torchscript])
    for copy in copies:
        edit(copy, flip_bit(os.path.getsize(copy) // 2))
    answer = scan(tmp_path / "models")
    for copy in copies:
        (finding,) = answer.issues_at(copy)
        with zipfile.ZipFile(copy) as archive:
            assert (finding["corruption_type"], finding["tensors"]) == ("checksum_mismatch", [archive.testzip()])
