"""A plain folder that is one model: its weights, and what lies beside and below them."""

from __future__ import annotations

import re

from wan_healthd.domain.files import Listing, Presence, Role
from wan_healthd.layouts.names import role_of

MARKERS = (b"config.json", b"model_index.json", b"tokenizer.json", b"tokenizer_config.json")
"""Files that only a folder that is one model has directly in it."""

INDEX_SUFFIX = b".index.json"
SHARD = re.compile(rb"-\d{5}-of-\d{5}\.[a-z]+$")

COLLECTIONS = frozenset(
    {
        b"audio_encoders",
        b"checkpoints",
        b"clip",
        b"clip_vision",
        b"controlnet",
        b"diffusion_models",
        b"embeddings",
        b"gguf",
        b"loras",
        b"lora",
        b"models",
        b"text_encoders",
        b"unet",
        b"upscale_models",
        b"vae",
    }
)
"""Folders that hold many models, one a file (ComfyUI folder_paths.py, and habit)."""


def is_model(listing: Listing, *, may_be_lone: bool) -> bool:
    """Whether the folder is one model.

    It must hold weights directly, and either a marker file, or shards, or (if `may_be_lone`, and unless it is a known
    collection) just one weight file, as in `flux-dev/flux.safetensors`. Several unrelated weights are a collection of models.
    """
    files = [e.name for e in listing.entries if e.look.presence not in (Presence.FOLDER, Presence.IRREGULAR)]
    weights = [name for name in files if role_of(name) is Role.WEIGHTS]
    if not weights:
        return False
    if any(name in MARKERS or name.endswith(INDEX_SUFFIX) for name in files) or all(SHARD.search(name) for name in weights):
        return True
    base = listing.path.rsplit(b"/", 1)[-1].lower()
    return may_be_lone and len(weights) == 1 and base not in COLLECTIONS
