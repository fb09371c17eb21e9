"""Diffusers pipelines: `model_index.json` names the components, each a folder of its own."""

from __future__ import annotations

import msgspec

from wan_healthd.layouts.needs import Need

INDEX = b"model_index.json"
MAX_INDEX_BYTES = 1 << 20
MAX_COMPONENTS = 64

WEIGHTS = (
    b"diffusion_pytorch_model.safetensors",
    b"diffusion_pytorch_model*.index.json",
    b"diffusion_pytorch_model*.safetensors",
    b"model*.index.json",
    b"model*.safetensors",
    b"*.gguf",
    b"*.bin",
)
"""Any of these is what `from_pretrained` loads; the shards that an index names are the index's own affair."""


def needs_of(index: bytes) -> tuple[Need, ...]:
    """What the pipeline with this `model_index.json` needs; empty if it cannot be read: then the file itself is judged.

    A component is `"name": ["library", "Class"]`; `[null, null]` is one that was left out on purpose.
    """
    try:
        components = msgspec.json.decode(index, type=dict[str, object])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ()
    needs: list[Need] = []
    for name, what in list(components.items())[:MAX_COMPONENTS]:
        if isinstance(what, list) and len(what) == 2 and all(isinstance(part, str) for part in what) and _is_plain(name):  # noqa: PLR2004
            needs.extend(_component(name.encode(), *what))
    return tuple(needs)


def _component(folder: bytes, library: str, kind: str) -> tuple[Need, ...]:
    if "Scheduler" in kind:
        return (Need(folder, (b"scheduler_config.json",)),)
    if "Tokenizer" in kind:
        return (Need(folder, (b"tokenizer_config.json",)), Need(folder, (b"tokenizer.json", b"spiece.model", b"vocab.*")))
    if "Processor" in kind or "Extractor" in kind:
        return (Need(folder, (b"preprocessor_config.json", b"*.json")),)
    first = (b"model.safetensors",) if library == "transformers" else ()
    return (Need(folder, (b"config.json",)), Need(folder, (*first, *WEIGHTS)))


def _is_plain(name: str) -> bool:
    """A name that is one folder: it comes from an untrusted file."""
    return bool(name) and name.isascii() and name.replace("_", "").replace("-", "").isalnum()
