"""ComfyUI's folders: each holds models of one purpose, one a file (ComfyUI folder_paths.py, domain facts, section 1c)."""

from __future__ import annotations

import re
from collections.abc import Iterator

FOLDERS = frozenset(
    {b"diffusion_models", b"unet", b"text_encoders", b"clip", b"vae", b"loras", b"clip_vision", b"audio_encoders"}
)
"""`unet` and `clip` are the older names."""

SPLIT_FILES = b"split_files"
"""The prefix that files keep when they are fetched from the repackaged repositories."""

ABOVE = frozenset({b"models", SPLIT_FILES})

_EXPERT = re.compile(rb"(wan2\.2_[ti]2v_)(high|low)(_noise_14B_.+\.safetensors)")
_OTHER = {b"high": b"low", b"low": b"high"}


def is_collection(base: bytes, parent: bytes | None) -> bool:
    """Whether the folder is one of ComfyUI's; `parent` is the name of the one above it, None for a root."""
    return base in FOLDERS and (parent is None or parent in ABOVE)


def lone_experts(names: frozenset[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Official experts of the 14B models that lack their other half, each with the name that the other has."""
    for name in sorted(names):
        match = _EXPERT.fullmatch(name)
        if match is not None and (other := match[1] + _OTHER[match[2]] + match[3]) not in names:
            yield name, other
