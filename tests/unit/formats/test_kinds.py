"""Kinds of models by names and shapes, as the published files have them; relatives and strangers have none."""

from __future__ import annotations

import pytest

from tests.fakes.safetensors_files import pack
from wan_healthd.domain.evidence import ModelKind
from wan_healthd.formats import safetensors
from wan_healthd.formats.kinds import kind_of

Shapes = dict[str, tuple[int, ...]]


def wan(width: int, channels: int, prefix: str = "", **more: tuple[int, ...]) -> Shapes:
    return {
        f"{prefix}patch_embedding.weight": (width, channels, 1, 2, 2),
        f"{prefix}patch_embedding.bias": (width,),
        f"{prefix}head.modulation": (1, 2, width),
        **{prefix + name.replace("__", "."): shape for name, shape in more.items()},
    }


def vae(channels: int, width: int) -> Shapes:
    return {
        "conv1.weight": (2 * channels, 2 * channels, 1, 1, 1),
        "conv2.weight": (channels, channels, 1, 1, 1),
        "decoder.conv1.weight": (width, channels, 3, 3, 3),
        "decoder.middle.0.residual.0.gamma": (width, 1, 1, 1),
    }


def diffusers_vae(channels: int, width: int) -> Shapes:
    return {
        "post_quant_conv.weight": (channels, channels, 1, 1, 1),
        "decoder.conv_in.weight": (width, channels, 3, 3, 3),
        "decoder.mid_block.resnets.0.norm1.gamma": (width, 1, 1, 1),
    }


LAYER = "diffusion_model.blocks.0.self_attn.q"
LORA: Shapes = {f"{LAYER}.lora_A.weight": (64, 5120), f"{LAYER}.lora_B.weight": (5120, 64)}
KOHYA: Shapes = {f"lora_unet_blocks_0_ffn_0.{part}.weight": (8, 8) for part in ("lora_down", "lora_up")}
DIFFUSERS: Shapes = {f"transformer.blocks.0.attn1.to_q.lora.{part}.weight": (8, 8) for part in ("down", "up")}
CLIP = {"vision_model.embeddings.class_embedding": (1280,), "vision_model.embeddings.patch_embedding.weight": (1280, 3, 14, 14)}

KINDS: dict[str, tuple[Shapes, ModelKind | None]] = {
    "I2V": (wan(5120, 36), ModelKind.WAN_I2V_14B),
    "T2V": (wan(5120, 16), ModelKind.WAN_T2V_14B),
    "5B": (wan(3072, 48), ModelKind.WAN_TI2V_5B),
    "ComfyUI": (wan(5120, 16, "model.diffusion_model."), ModelKind.WAN_T2V_14B),
    "scaled fp8": (wan(5120, 36, "diffusion_model.", scaled_fp8=(2,)), ModelKind.WAN_I2V_14B),
    "I2V of 2.1": (wan(5120, 36, img_emb__proj__0__bias=(1280,)), ModelKind.WAN_I2V_14B),
    "1.3B": (wan(1536, 16), None),
    "Fun Control": (wan(5120, 48), None),
    "VACE": (wan(5120, 16, vace_patch_embedding__weight=(5120, 96, 1, 2, 2)), None),
    "Animate": (wan(5120, 36, face_adapter__fuser_blocks__0__k_norm__weight=(128,)), None),
    "Animate in ComfyUI": (wan(5120, 36, "model.diffusion_model.", motion_encoder__enc__fc__0__weight=(512, 512)), None),
    "S2V": (wan(5120, 16, casual_audio_encoder__encoder__final_linear__weight=(5120, 1024)), None),
    "camera control": (wan(5120, 36, control_adapter__conv__weight=(5120, 24, 2, 2)), None),
    "flattened patch": ({"patch_embedding.weight": (5120, 144)}, None),
    "VAE 2.1": (vae(16, 384), ModelKind.WAN_VAE_21),
    "VAE 2.2": (vae(48, 1024), ModelKind.WAN_VAE_22),
    "VAE 2.1 of diffusers": (diffusers_vae(16, 384), ModelKind.WAN_VAE_21),
    "VAE 2.2 of diffusers": (diffusers_vae(48, 1024), ModelKind.WAN_VAE_22),
    "VAE of 32 channels": (vae(32, 384), None),
    "VAE whose parts disagree": ({**vae(16, 384), "conv2.weight": (48, 48, 1, 1, 1)}, None),
    "VAE without time": ({**vae(48, 1024), "decoder.conv1.weight": (1024, 48, 1, 3, 3)}, None),
    "VAE of Hunyuan": ({"post_quant_conv.weight": (16, 16, 1, 1, 1), "decoder.conv_in.weight": (512, 16, 3, 3, 3)}, None),
    "VAE of Stable Diffusion": ({"post_quant_conv.weight": (4, 4, 1, 1), "decoder.conv_in.weight": (512, 4, 3, 3)}, None),
    "VAE with a tensor missing": ({"decoder.middle.0.residual.0.gamma": (384, 1, 1, 1)}, None),
    "UMT5": ({"shared.weight": (256384, 4096), "encoder.final_layer_norm.weight": (4096,)}, ModelKind.UMT5_ENCODER),
    "UMT5 of Wan": ({"token_embedding.weight": (256384, 4096)}, ModelKind.UMT5_ENCODER),
    "UMT5 in GGUF": ({"token_embd.weight": (256384, 4096)}, ModelKind.UMT5_ENCODER),
    "UMT5 with its decoder": ({"shared.weight": (256384, 4096), "decoder.final_layer_norm.weight": (4096,)}, None),
    "T5": ({"shared.weight": (32128, 4096)}, None),
    "mT5": ({"shared.weight": (250112, 4096)}, None),
    "CLIP vision": (CLIP, ModelKind.CLIP_VISION),
    "whole CLIP": ({**CLIP, "text_model.embeddings.token_embedding.weight": (49408, 768)}, None),
    "SigLIP vision": ({"vision_model.embeddings.patch_embedding.weight": (1152, 3, 14, 14)}, None),
    "LoRA": (LORA, ModelKind.LORA),
    "LoRA of kohya": ({**KOHYA, "lora_unet_blocks_0_ffn_0.alpha": ()}, ModelKind.LORA),
    "LoRA of diffusers": (DIFFUSERS, ModelKind.LORA),
    "LoRA of peft": ({"x.lora_A.default.weight": (4, 8), "x.lora_B.default.weight": (8, 4)}, ModelKind.LORA),
    "LoRA with differences": (
        {**LORA, "diffusion_model.patch_embedding.diff_b": (5120,), "diffusion_model.head.head.diff": (64, 5120)},
        ModelKind.LORA,
    ),
    "LoRA with a new patch": ({**LORA, "diffusion_model.patch_embedding.weight": (5120, 16, 1, 2, 2)}, ModelKind.LORA),
    "model with a LoRA inside": ({**wan(5120, 16, a=(1,), b=(1,), c=(1,)), **LORA}, None),
    "scales without a LoRA": ({"a.alpha": (), "b.alpha": ()}, None),
    "nothing": ({}, None),
    "MiniLM": ({"embeddings.word_embeddings.weight": (30522, 384)}, None),
}  # fmt: skip


@pytest.mark.parametrize("name", KINDS)
def test_kinds(name: str) -> None:
    shapes, expected = KINDS[name]
    assert kind_of(shapes) is expected


def test_a_safetensors_header_tells_its_kind_even_when_the_file_is_cut() -> None:
    header = b'{"patch_embedding.weight":{"dtype":"F8_E4M3","shape":[5120,16,1,2,2],"data_offsets":[0,327680]}}'
    data = pack(header)
    assert safetensors.judge(header, len(data) + 327680).kind is ModelKind.WAN_T2V_14B
    assert safetensors.judge(header, len(data)).kind is ModelKind.WAN_T2V_14B
