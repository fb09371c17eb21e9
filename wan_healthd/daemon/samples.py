"""Sample models for the quickstart, the demo and for trying things out: small, valid, with the names and shapes of WAN2.2.

python -m wan_healthd.daemon.samples FOLDER          makes a sharded model and a single-file LoRA below FOLDER, about 40 MB
python -m wan_healthd.daemon.samples --damage FILE   flips one bit in the middle of FILE's tensors

The numbers are random but sane: bf16 between 0.002 and 0.5, either sign.
"""

from __future__ import annotations

import json
import math
import random
import struct
import sys
from pathlib import Path

DIM = 512
FFN_DIM = 2048
LAYERS = 4
LORA_RANK = 64
BF16_BYTES = 2

Shapes = dict[str, tuple[int, ...]]

# The upper byte of a bf16 holds sign and exponent: these four keep every number small and finite.
SANE_UPPER_BYTES = bytes((0x3B, 0x3D, 0xBB, 0xBD)[value % 4] for value in range(256))


def block_shapes(layer: int) -> Shapes:
    """Tensors of one transformer block, as Wan's own checkpoints name them."""
    name = f"blocks.{layer}"
    square = {f"{name}.{attention}.{part}": (DIM, DIM) for attention in ("self_attn", "cross_attn") for part in "qkvo"}
    shapes: Shapes = {f"{part}.weight": shape for part, shape in square.items()}
    shapes |= {f"{part}.bias": (DIM,) for part in square}
    shapes |= {
        f"{name}.ffn.0.weight": (FFN_DIM, DIM),
        f"{name}.ffn.2.weight": (DIM, FFN_DIM),
        f"{name}.modulation": (1, 6, DIM),
    }
    return shapes


def model_shards() -> list[Shapes]:
    """What each of the three shards holds."""
    first: Shapes = {"patch_embedding.weight": (DIM, 48, 1, 2, 2), "patch_embedding.bias": (DIM,)}
    last: Shapes = {"head.head.weight": (192, DIM), "head.head.bias": (192,)}
    return [first | block_shapes(0), block_shapes(1) | block_shapes(2), block_shapes(3) | last]


def lora_shapes() -> Shapes:
    """A low-rank adapter for every square matrix of the model."""
    shapes: Shapes = {}
    for layer in range(LAYERS):
        for name, shape in block_shapes(layer).items():
            if shape == (DIM, DIM):
                stem = "diffusion_model." + name.removesuffix(".weight")
                shapes |= {f"{stem}.lora_down.weight": (LORA_RANK, DIM), f"{stem}.lora_up.weight": (DIM, LORA_RANK)}
    return shapes


def tensor_bytes(shape: tuple[int, ...]) -> int:
    """Size of one tensor."""
    return math.prod(shape) * BF16_BYTES


def header_of(shapes: Shapes) -> bytes:
    """The safetensors header: its length (u64, little-endian), then JSON, padded with spaces to a multiple of 8."""
    described: dict[str, object] = {"__metadata__": {"format": "pt"}}
    offset = 0
    for name, shape in shapes.items():
        end = offset + tensor_bytes(shape)
        described[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(described, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text


def random_bf16(size_bytes: int, source: random.Random) -> bytes:
    """Numbers such as weights are."""
    numbers = bytearray(source.randbytes(size_bytes))
    numbers[1::2] = numbers[1::2].translate(SANE_UPPER_BYTES)
    return bytes(numbers)


def write_safetensors(path: Path, shapes: Shapes) -> None:
    """A whole file, under a name that was free; the same content for the same name every time."""
    source = random.Random(path.name)  # noqa: S311 - nothing is to be kept secret
    with path.open("xb") as file:
        file.write(header_of(shapes))
        for shape in shapes.values():
            file.write(random_bf16(tensor_bytes(shape), source))


def write_json(path: Path, value: object) -> None:
    """A whole file."""
    path.write_text(json.dumps(value, indent=2) + "\n")


def make_model(folder: Path) -> None:
    """A transformer in three shards with its index and configuration."""
    folder.mkdir(parents=True)
    shards = model_shards()
    weight_map: dict[str, str] = {}
    for number, shapes in enumerate(shards, 1):
        name = f"diffusion_pytorch_model-{number:05}-of-{len(shards):05}.safetensors"
        write_safetensors(folder / name, shapes)
        weight_map |= dict.fromkeys(shapes, name)
    total = sum(tensor_bytes(shape) for shapes in shards for shape in shapes.values())
    index = {"metadata": {"total_size": total}, "weight_map": weight_map}
    write_json(folder / "diffusion_pytorch_model.safetensors.index.json", index)
    shape = {"dim": DIM, "ffn_dim": FFN_DIM, "in_dim": 48, "out_dim": 48, "num_heads": 4, "num_layers": LAYERS}
    write_json(folder / "config.json", {"_class_name": "WanModel", "model_type": "ti2v", **shape})


def make_experts(folder: Path) -> None:
    """The two experts of a mixture, of one block each: the same names, shapes and size, but not the same numbers."""
    folder.mkdir(parents=True)
    for noise in ("high", "low"):
        write_safetensors(folder / f"wan-{noise}_noise.safetensors", block_shapes(0))
    write_json(folder / "config.json", {"_class_name": "WanModel", "model_type": "t2v", "dim": DIM, "num_layers": 1})


def make_samples(folder: Path) -> None:
    """A sharded model and a LoRA."""
    make_model(folder / "wan-sample")
    loras = folder / "loras"
    loras.mkdir()
    write_safetensors(loras / "wan-sample-lora.safetensors", lora_shapes())


def flip_one_bit(path: Path) -> str:
    """What a bad disk or bad memory does: one bit is different, the size and the structure are not. Says which."""
    with path.open("r+b") as file:
        (header_bytes,) = struct.unpack("<Q", file.read(8))
        begin = 8 + header_bytes
        offset = begin + (path.stat().st_size - begin) // 2
        file.seek(offset)
        (byte,) = file.read(1)
        file.seek(offset)
        file.write(bytes([byte ^ 0b0000_0100]))
    return f"flipped bit 2 of byte {offset} in {path}"


def main(arguments: list[str]) -> None:
    """Make, or damage."""
    match arguments:
        case ["--damage", file]:
            print(flip_one_bit(Path(file)))
        case [folder] if not folder.startswith("-"):
            make_samples(Path(folder))
        case _:
            raise SystemExit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
