"""The folders that Wan-AI publishes for its own code.

Source of the tables: `wan/*.py` and `wan/configs/*.py` of Wan-Video/Wan2.2, as read for the project's domain facts, section 1.
"""

from __future__ import annotations

from wan_healthd.layouts.needs import Need, every

T5 = b"models_t5_umt5-xxl-enc-bf16.pth"
VAE_21 = b"Wan2.1_VAE.pth"
VAE_22 = b"Wan2.2_VAE.pth"
EXPERTS = (b"high_noise_model", b"low_noise_model")
WEIGHTS = b"diffusion_pytorch_model"

TEXT = (
    Need(b"", (T5,)),
    *every(b"google/umt5-xxl", b"tokenizer.json", b"tokenizer_config.json", b"special_tokens_map.json", b"spiece.model"),
)


def _transformer(folder: bytes, shards: int) -> tuple[Need, ...]:
    """A transformer in shards; whoever merged them into one file has no index and no shards, and needs none."""
    merged = WEIGHTS + b".safetensors"
    names = [WEIGHTS + b".safetensors.index.json"]
    names += [WEIGHTS + b"-%05d-of-%05d.safetensors" % (number, shards) for number in range(1, shards + 1)]
    return (Need(folder, (b"config.json",)), *(Need(folder, (name, merged)) for name in names))


A14B = (*_transformer(EXPERTS[0], 6), *_transformer(EXPERTS[1], 6), Need(b"", (VAE_21,)), *TEXT)
TI2V_5B = (*_transformer(b"", 3), Need(b"", (VAE_22,)), *TEXT)
S2V_14B = (
    *_transformer(b"", 4),
    Need(b"", (VAE_21,)),
    *every(
        b"wav2vec2-large-xlsr-53-english",
        b"config.json",
        b"preprocessor_config.json",
        b"vocab.json",
        b"special_tokens_map.json",
        b"model.safetensors",
    ),
    *TEXT,
)
ANIMATE_14B = (
    *_transformer(b"", 4),
    Need(b"", (VAE_21,)),
    Need(b"", (b"models_clip_open-clip-xlm-roberta-large-vit-huge-14.pth",)),
    Need(b"xlm-roberta-large", (b"tokenizer.json", b"*")),
    *TEXT,
)


def needs_of(names: frozenset[bytes]) -> tuple[Need, ...]:
    """What the folder with these entries must hold if it is one of Wan-AI's; empty if it is not recognised.

    Recognised only by what no other layout has: an expert's folder, or one of Wan's own auxiliary files beside weights.
    """
    if any(expert in names for expert in EXPERTS):
        return A14B
    if not any(name.startswith(WEIGHTS) for name in names) or not names & {T5, VAE_21, VAE_22}:
        return ()
    if b"wav2vec2-large-xlsr-53-english" in names:
        return S2V_14B
    if names & {b"xlm-roberta-large", b"process_checkpoint", b"models_clip_open-clip-xlm-roberta-large-vit-huge-14.pth"}:
        return ANIMATE_14B
    has_three = any(name.endswith(b"-of-00003.safetensors") for name in names)
    return TI2V_5B if VAE_22 in names or (has_three and VAE_21 not in names) else ()
