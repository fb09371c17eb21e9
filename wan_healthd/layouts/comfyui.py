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

COMPANIONS = frozenset({b"vae", b"text_encoders", b"clip"})
"""Those of the folders that hold what a model needs beside it."""

_PAIRS = (
    re.compile(rb"(wan2\.2_[ti]2v_)(high|low)(_noise_14B_.+\.safetensors)"),
    re.compile(rb"(wan2\.2_[ti]2v_lightx2v_4steps_lora_(?:[\w.]+_)?)(high|low)(_noise\.safetensors)"),
)
"""Names of the repackaged experts, and of the LoRAs that go with them."""

_OTHER = {b"high": b"low", b"low": b"high"}


def is_collection(base: bytes, parent: bytes | None) -> bool:
    """Whether the folder is one of ComfyUI's; `parent` is the name of the one above it, None for a root."""
    return base in FOLDERS and (parent is None or parent in ABOVE)


def collection_above(path: bytes, root: bytes) -> bytes | None:
    """The outermost of ComfyUI's folders that `path`, which is below `root`, lies in (or is, if it ends in a slash)."""
    folder, parent = root.rstrip(b"/"), None
    for part in path[len(folder) :].lstrip(b"/").split(b"/")[:-1]:
        folder += b"/" + part
        if is_collection(part, parent):
            return folder
        parent = part
    return None


def lone_experts(names: frozenset[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Official experts of the 14B models, and LoRAs for them, that lack their other half, each with the name that it has.

    Half of another precision or version is not missed: it is the other half all the same.
    """
    for name in sorted(names):
        match = next((found for pair in _PAIRS if (found := pair.fullmatch(name))), None)
        if match is None:
            continue
        begin = match[1] + _OTHER[match[2]]
        if not any(other.startswith(begin) for other in names):
            yield name, begin + match[3]
