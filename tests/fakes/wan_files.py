"""Files whose headers say that they are of Wan, as small as their shapes allow; `seed` gives each a content of its own."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Mapping
from pathlib import Path

from tests.fakes.safetensors_files import make, pack
from wan_healthd.formats.dtypes import ELEMENT_BITS

UMT5_SHAPE = (256384, 4096)


def _of(shapes: Mapping[str, tuple[int, ...]], seed: int) -> bytes:
    """All zeros but for a last tensor that the seed makes."""
    tensors = {name: ("F8_E4M3", shape, bytes(math.prod(shape))) for name, shape in shapes.items()}
    return make({**tensors, "seed": ("U8", (64,), random.Random(seed).randbytes(64))})


def transformer(width: int, channels: int, seed: int = 0) -> bytes:
    return _of({"patch_embedding.weight": (width, channels, 1, 2, 2)}, seed)


def vae(channels: int, seed: int = 0) -> bytes:
    return _of(
        {
            "conv2.weight": (channels, channels, 1, 1, 1),
            "decoder.conv1.weight": (1, channels, 3, 3, 3),
            "decoder.middle.0.residual.0.gamma": (1, 1, 1, 1),
        },
        seed,
    )


def lora(seed: int = 0) -> bytes:
    layer = "diffusion_model.blocks.0.self_attn.q"
    return _of({f"{layer}.lora_A.weight": (4, 8), f"{layer}.lora_B.weight": (8, 4)}, seed)


def stranger(seed: int = 0) -> bytes:
    """Sound, and of no kind that anybody here knows."""
    return _of({"some.weight": (8, 8)}, seed)


def t2v(seed: int = 0) -> bytes:
    return transformer(5120, 16, seed)


def i2v(seed: int = 0) -> bytes:
    return transformer(5120, 36, seed)


def ti2v(seed: int = 0) -> bytes:
    return transformer(3072, 48, seed)


def put_umt5(path: Path) -> None:
    """A text encoder: 525 MB long, all but the header a hole."""
    size = math.prod(UMT5_SHAPE) * ELEMENT_BITS["F4"] // 8
    table = {"shared.weight": {"dtype": "F4", "shape": UMT5_SHAPE, "data_offsets": [0, size]}}
    header = pack(json.dumps(table).encode())
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(header)
        file.truncate(len(header) + size)
