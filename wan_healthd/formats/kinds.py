"""What kind of model some tensors make up, told from names and shapes that only this kind has.

Sources: the published shapes in the domain facts; the names from Wan-Video/Wan2.2 (model.py, vae2_1.py, vae2_2.py, t5.py), from
the converter scripts of diffusers, and from what ComfyUI looks for. Whatever has a mark of another member of the family, or is
not known, has no kind: a wrong guess would accuse a sound file. A shard is judged by the tensors that it holds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from wan_healthd.domain.evidence import ModelKind

Shapes = Mapping[str, Sequence[int]]

_PREFIXES = ("", "model.diffusion_model.", "diffusion_model.")
_PATCH = "patch_embedding.weight"
_TRANSFORMERS: Mapping[tuple[int, ...], ModelKind] = {
    (5120, 36): ModelKind.WAN_I2V_14B,
    (5120, 16): ModelKind.WAN_T2V_14B,
    (3072, 48): ModelKind.WAN_TI2V_5B,
}
"""By what the patch embedding gives and takes: width of the model, channels of its input."""
_VARIANT = re.compile(
    r"\n(?=[acdfmprtv])(?:model\.)?(?:diffusion_model\.)?(?:vace_|pose_patch_embedding|patch_embedding_global|face_"
    r"|motion_encoder|casual_audio_|audio_|cond_encoder|trainable_cond_mask|frame_packer|control_adapter|ref_conv|full_ref"
    r"|add_conv_in|add_proj)"
)
"""Parts of VACE, Animate, S2V, HuMo and the control models, which share the patch embedding of T2V or I2V. Looked for in lines;
most names are `blocks.…`, which its first letter rules out at once."""

_VAES = {16: ModelKind.WAN_VAE_21, 48: ModelKind.WAN_VAE_22}
"""By latent channels."""
_VAE_NAMES = (
    ("decoder.middle.0.residual.0.gamma", "conv2.weight", "decoder.conv1.weight"),
    ("decoder.mid_block.resnets.0.norm1.gamma", "post_quant_conv.weight", "decoder.conv_in.weight"),
)
"""In Wan's naming and in that of diffusers: a part that no other VAE has, the convolution before the decoder, and its first."""
_CONVOLUTION_DIMENSIONS = 5

_TOKEN_NAMES = ("shared.weight", "token_embedding.weight", "encoder.embed_tokens.weight", "token_embd.weight")
_UMT5_TOKENS = (256384, 4096)
_T5_DECODER = re.compile(r"^(?:decoder|dec)\.")

_CLIP_CLASS = "vision_model.embeddings.class_embedding"
_CLIP_PATCH = "vision_model.embeddings.patch_embedding.weight"
_CLIP_TEXT = re.compile(r"^text_model\.")

_LORA_WORD = "lora"
"""Is in each name that `_LORA_DOWN` finds."""
_LORA_DOWN = re.compile(r"\.lora(?:_A|_down|\.down|\.A)(?:\.[^.]+)?\.weight$|\.lora_A$|_lora\.down\.weight$")
_LORA_PART = re.compile(
    r"\.lora(?:_[AB]|_up|_down|_mid|\.up|\.down|\.[AB])(?:\.[^.]+)?\.weight$|\.lora_[AB]$|_lora\.(?:up|down)\.weight$"
    r"|\.alpha$|\.dora_scale$|\.diff(?:_b|_m)?$"
)


def kind_of(shapes: Shapes) -> ModelKind | None:
    """The kind of model; None where the tensors do not prove one.

    Args:
        shapes: of each tensor by name, in torch's order (slowest dimension first), of a whole file or a shard.
    """
    lines = "\n".join(("", *shapes))
    if _LORA_WORD in lines and any(map(_LORA_DOWN.search, shapes)):
        return ModelKind.LORA if _is_mostly_lora(shapes) else None
    return _transformer(shapes, lines) or _vae(shapes) or _umt5(shapes) or _clip_vision(shapes)


def _is_mostly_lora(shapes: Shapes) -> bool:
    """Whether the file is nothing but a LoRA; some whole models carry one inside."""
    return 2 * sum(1 for name in shapes if _LORA_PART.search(name)) > len(shapes)


def _transformer(shapes: Shapes, lines: str) -> ModelKind | None:
    """`lines` are all names, each behind a line's end: to look once through this is cheaper than once through each."""
    for prefix in _PREFIXES:
        shape = shapes.get(prefix + _PATCH)
        if shape is not None and len(shape) == _CONVOLUTION_DIMENSIONS and not _VARIANT.search(lines):
            return _TRANSFORMERS.get(tuple(shape[:2]))
    return None


def _vae(shapes: Shapes) -> ModelKind | None:
    for mark, before_decoder, decoder_entry in _VAE_NAMES:
        latents = tuple(shapes.get(before_decoder, ()))
        entry = tuple(shapes.get(decoder_entry, ()))
        channels = latents[0] if latents else 0
        if mark in shapes and latents == (channels, channels, 1, 1, 1) and entry[1:] == (channels, 3, 3, 3):
            return _VAES.get(channels)
    return None


def _umt5(shapes: Shapes) -> ModelKind | None:
    has_tokens = any(tuple(shapes.get(name, ())) == _UMT5_TOKENS for name in _TOKEN_NAMES)
    return ModelKind.UMT5_ENCODER if has_tokens and not any(map(_T5_DECODER.match, shapes)) else None


def _clip_vision(shapes: Shapes) -> ModelKind | None:
    has_vision = _CLIP_CLASS in shapes and _CLIP_PATCH in shapes
    return ModelKind.CLIP_VISION if has_vision and not any(map(_CLIP_TEXT.match, shapes)) else None
