"""A shard against the index beside it, on real files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.fakes.safetensors_files import make
from wan_healthd.domain.evidence import HeaderFacts
from wan_healthd.formats import safetensors
from wan_healthd.host.files import LocalFiles
from wan_healthd.services.shards import NONE, Absent, absent_tensors

FIRST, SECOND = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"


def shard(*names: str) -> bytes:
    return make({name: ("F32", [2], bytes(range(8))) for name in names})


def facts_of(data: bytes) -> HeaderFacts:
    length = safetensors.judge_length(data[:8], len(data))
    assert isinstance(length, int)
    return safetensors.judge(data[8 : 8 + length], len(data))


def absent(folder: Path, name: str, data: bytes, index: object) -> Absent:
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    files = LocalFiles()
    try:
        return absent_tensors(files, bytes(folder), bytes(folder / name), facts_of(data))
    finally:
        files.close()


INDEX = {"metadata": {"total_size": 24}, "weight_map": {"a": FIRST, "b": FIRST, "c": SECOND}}


@pytest.mark.parametrize(
    ("name", "data", "index", "expected"),
    [
        (FIRST, shard("a", "b"), INDEX, NONE),
        (FIRST, shard("a", "b", "more"), INDEX, NONE),
        (FIRST, shard("c"), INDEX, Absent(("a", "b"), 2)),
        (SECOND, shard("a", "b"), INDEX, Absent(("c",), 1)),
        (FIRST, shard("a"), INDEX, Absent(("b",), 1)),
        (FIRST, shard("x"), {"weight_map": {"c": SECOND}}, NONE),
        (FIRST, shard("x"), ["no index"], NONE),
        ("model.safetensors", shard("x"), INDEX, NONE),
    ],
)
def test_what_a_shard_lacks(tmp_path: Path, name: str, data: bytes, index: object, expected: Absent) -> None:
    assert absent(tmp_path, name, data, index) == expected


def test_without_an_index_nothing_is_missed(tmp_path: Path) -> None:
    files = LocalFiles()
    try:
        assert absent_tensors(files, bytes(tmp_path), bytes(tmp_path / FIRST), facts_of(shard("x"))) == NONE
    finally:
        files.close()
