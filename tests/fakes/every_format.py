"""One sound file of each format, with the places of its parts known from how it was made."""

from __future__ import annotations

import io
import json
import random
import struct
import zipfile
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from tests.fakes import gguf_files, safetensors_files, torch_files
from tests.support.damage import BLOCK_BYTES

Place = tuple[int, int]
"""Offset and length in bytes."""

PART_BYTES = 400 * 1024
"""Three of them are more than a block, and reach into the second one."""


class Specimen(NamedTuple):
    """A sound file.

    Attributes:
        parts: tensors, or entries of an archive, each with its place; empty where the format names none.
        is_text: whether its content proper is text, in one block.
    """

    name: str
    content: bytes
    parts: Mapping[str, Place] = {}
    is_text: bool = False

    @property
    def flip_at(self) -> int:
        """A byte of content proper: of the last large part, in the second block; of a text, a letter in the middle."""
        return self.content.index(b"middle") + 2 if self.is_text else BLOCK_BYTES + 30_000

    @property
    def zeroed_at(self) -> int:
        """4 KiB from here are content proper of the first block."""
        return 4096 if self.is_text else 600 * 1024

    def parts_in(self, place: Place) -> list[str]:
        """The parts that have a byte there, in the order of the file."""
        return [name for name, part in self.parts.items() if part[0] < sum(place) and place[0] < sum(part) and part[1]]


def noise(seed: int, size_bytes: int = PART_BYTES) -> bytes:
    return random.Random(seed).randbytes(size_bytes)


def places(content: bytes, data: Mapping[str, bytes]) -> dict[str, Place]:
    """Where each of the data stands: they are noise, so each stands in one place only."""
    return {name: (content.index(part), len(part)) for name, part in data.items()}


def entries(content: bytes) -> dict[str, Place]:
    """Where the stored bytes of each entry of a zip archive stand, by the standard library's reading of it."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {info.filename: (_behind_header(content, info.header_offset), info.compress_size) for info in archive.infolist()}


def _behind_header(content: bytes, offset: int) -> int:
    name_bytes, extra_bytes = struct.unpack_from("<2H", content, offset + 26)
    return offset + 30 + int(name_bytes) + int(extra_bytes)


TENSORS = {f"blocks.{number}.weight": noise(number) for number in range(3)}
RECORDS = {
    "archive/data.pkl": b"\x80\x02}q\x00." + noise(7, 90),
    "archive/byteorder": b"little",
    **{f"archive/data/{number}": noise(number) for number in range(3)},
    "archive/version": b"3\n\n",
}
SCRIPT = {
    "net/data.pkl": b"\x80\x02}q\x00." + noise(8, 90),
    "net/code/net.py": b"def forward(self, x):\n    return x\n" * 40,
    "net/constants/0": noise(0),
    "net/constants.pkl": b"\x80\x02).",
    "net/data/0": noise(1),
    "net/data.pkl.debug_pkl": b"plain text " * 99,
    "net/data/1": noise(2),
    "net/version": b"3\n\n",
}


def safetensors() -> Specimen:
    content = safetensors_files.make({name: ("U8", (len(data),), data) for name, data in TENSORS.items()})
    return Specimen("model.safetensors", content, places(content, TENSORS))


def gguf() -> Specimen:
    rows = [gguf_files.Tensor(name.encode(), (len(data) // 4,)) for name, data in TENSORS.items()]
    head = gguf_files.header([gguf_files.text_entry(b"general.architecture", b"wan")], rows)
    content = head + bytes(-len(head) % 32) + b"".join(TENSORS.values())
    return Specimen("model.gguf", content, places(content, TENSORS))


def torch_zip(name: str, *, with_crc: bool) -> Specimen:
    content = torch_files.torch_archive(RECORDS, with_crc=with_crc)
    return Specimen(name, content, entries(content))


def torchscript() -> Specimen:
    content = torch_files.mixed_archive(SCRIPT)
    return Specimen("net.pt", content, entries(content))


def torch_legacy() -> Specimen:
    """Storages of several types; the pickle names no tensor over them."""
    kinds = ("FloatStorage", "HalfStorage", "LongStorage")
    content = torch_files.legacy({str(number): (kind, noise(number)) for number, kind in enumerate(kinds)})
    return Specimen("old.pth", content, places(content, {f"storage {number}": noise(number) for number in range(3)}))


def lines(kind: str) -> list[str]:
    return [f"{kind}.{number}.{'middle' if number == 300 else 'part'}" for number in range(600)]


def json_file(name: str, document: object) -> Specimen:
    return Specimen(name, json.dumps(document, indent=1).encode(), is_text=True)


def config() -> Specimen:
    return json_file("config.json", {"_class_name": "WanModel", "names": lines("layer")})


def index() -> Specimen:
    table = dict.fromkeys(lines("blocks"), SHARD)
    return json_file(INDEX, {"metadata": {"total_size": 600}, "weight_map": table})


def vocabulary() -> Specimen:
    return Specimen("vocab.txt", "\n".join(lines("token")).encode(), is_text=True)


SHARD = "model-00001-of-00001.safetensors"
INDEX = "model.safetensors.index.json"
SHARD_CONTENT = safetensors_files.make(dict.fromkeys(lines("blocks"), ("U8", (1,), b"x")))


def every() -> Iterator[tuple[str, Specimen]]:
    """By the format's name."""
    yield "safetensors", safetensors()
    yield "gguf", gguf()
    yield "torch zip", torch_zip("model.pth", with_crc=True)
    yield "torch zip without CRCs", torch_zip("model.ckpt", with_crc=False)
    yield "torch legacy", torch_legacy()
    yield "TorchScript", torchscript()
    yield "config", config()
    yield "shard index", index()
    yield "vocabulary", vocabulary()
