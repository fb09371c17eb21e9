"""Every format behind a real file, by the name that the worker is asked for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.fakes.gguf_files import Tensor, make
from tests.fakes.safetensors_files import sample
from wan_healthd.digest.bounded_reader import BoundedReader
from wan_healthd.digest.parsers import parser_of
from wan_healthd.domain.evidence import HeaderFacts, Impostor
from wan_healthd.domain.extents import ByteRange

WHOLE = {
    "safetensors": sample(1, 4000, 2),
    "gguf": make([], [Tensor(b"blocks.0.ffn.0.weight", (64, 4))]),
    "onnx": b"\x08\x08\x12\x07pytorch",
    "sentencepiece": b"\x0a\x0e\x0a\x05<unk>\x15\x00\x00\x00\x00\x18\x02",
    "json": b'{"model_type": "t5"}',
    "shard-index": b'{"weight_map": {"a": "b.safetensors"}}',
    "vocabulary": b"[PAD]\nthe\n",
}


def judge(name: str, content: bytes, folder: Path) -> HeaderFacts:
    path = folder / "file"
    path.write_bytes(content)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return parser_of(name).judge(BoundedReader(descriptor))
    finally:
        os.close(descriptor)


@pytest.mark.parametrize("name", WHOLE)
def test_whole_files_are_sound(name: str, tmp_path: Path) -> None:
    facts = judge(name, WHOLE[name], tmp_path)
    assert (facts.format, facts.fault, facts.undecided) == (name, None, None)


@pytest.mark.parametrize("name", WHOLE)
def test_every_format_knows_an_error_page(name: str, tmp_path: Path) -> None:
    facts = judge(name, b"<!DOCTYPE html>\n<title>404</title>", tmp_path)
    assert (facts.format, facts.impostor) == (name, Impostor.HTML)
    assert facts.fault is not None
    assert facts.fault.code == "impostor"


@pytest.mark.parametrize(
    ("name", "tensor"), [("safetensors", "blocks.0.self_attn.k.weight"), ("gguf", "blocks.0.ffn.0.weight")]
)
def test_damage_is_located_by_what_was_kept(name: str, tensor: str, tmp_path: Path) -> None:
    facts = judge(name, WHOLE[name], tmp_path)
    assert facts.packed_header is not None
    last = ByteRange(len(WHOLE[name]) - 1, 1)
    assert parser_of(name).locate(facts.packed_header, [last]).names == (tensor,)


def test_formats_without_tensors_locate_nothing() -> None:
    assert parser_of("json").locate(b"", [ByteRange(0, 1)]).total == 0


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(OSError, match="no parser is called 'nonsense'"):
        parser_of("nonsense")
