"""Which file is the other expert's, and which halves are missed."""

from __future__ import annotations

import pytest

from wan_healthd.layouts.comfyui import collection_above, lone_experts
from wan_healthd.layouts.experts import is_high, partner_of

PAIRS = [
    (b"/m/high_noise_model/w-00001-of-00006.safetensors", b"/m/low_noise_model/w-00001-of-00006.safetensors"),
    (b"/m/transformer/w.safetensors", b"/m/transformer_2/w.safetensors"),
    (b"/m/wan2.2_t2v_high_noise_14B_fp8_scaled.safetensors", b"/m/wan2.2_t2v_low_noise_14B_fp8_scaled.safetensors"),
    (b"/m/wan2.2_i2v_lightx2v_4steps_lora_v1_high_noise.sft", b"/m/wan2.2_i2v_lightx2v_4steps_lora_v1_low_noise.sft"),
    (b"Wan2.2-T2V-A14B-HighNoise-Q4_K_M.gguf", b"Wan2.2-T2V-A14B-LowNoise-Q4_K_M.gguf"),
    (b"/m/WAN_HIGH.safetensors", b"/m/WAN_LOW.safetensors"),
]  # fmt: skip
NO_PAIR = [
    b"/m/a.safetensors",
    b"a",
    b"/m/highres_fix.safetensors",
    b"/m/slow.safetensors",
    b"/m/high_to_low.safetensors",
    b"/m/hIgH.safetensors",
    b"/m/high_noise_model.d/a.safetensors",
]


@pytest.mark.parametrize(("high", "low"), PAIRS)
def test_partners(high: bytes, low: bytes) -> None:
    assert (partner_of(high), partner_of(low)) == (low, high)
    assert (is_high(high), is_high(low)) == (True, False)


@pytest.mark.parametrize("path", NO_PAIR)
def test_what_has_no_partner(path: bytes) -> None:
    assert partner_of(path) is None


LORA = b"wan2.2_t2v_lightx2v_4steps_lora_v1.1_%s_noise.safetensors"
MODEL = b"wan2.2_i2v_%s_noise_14B_%s.safetensors"


@pytest.mark.parametrize(
    ("there", "missed"),
    [
        ([LORA % b"high"], [LORA % b"low"]),
        ([LORA % b"low"], [LORA % b"high"]),
        ([LORA % b"high", LORA % b"low"], []),
        ([(LORA % b"low").replace(b"v1.1_", b"")], [(LORA % b"high").replace(b"v1.1_", b"")]),
        ([b"wan2.2_t2v_my_lora_high_noise.safetensors"], []),
        ([MODEL % (b"high", b"fp16")], [MODEL % (b"low", b"fp16")]),
        ([MODEL % (b"high", b"fp16"), MODEL % (b"low", b"fp8_scaled")], []),
        ([MODEL % (b"high", b"fp16"), (MODEL % (b"low", b"fp16")).replace(b"i2v", b"t2v")], [
            (MODEL % (b"high", b"fp16")).replace(b"i2v", b"t2v"), MODEL % (b"low", b"fp16")
        ]),
    ],
)  # fmt: skip
def test_halves(there: list[bytes], missed: list[bytes]) -> None:
    assert sorted(other for _, other in lone_experts(frozenset(there))) == sorted(missed)


@pytest.mark.parametrize(
    ("path", "folder"),
    [
        (b"/r/vae/a.safetensors", b"/r/vae"),
        (b"/r/vae/", b"/r/vae"),
        (b"/r/vae", None),
        (b"/r/x/models/unet/wan/a.gguf", b"/r/x/models/unet"),
        (b"/r/x/split_files/vae/vae/a", b"/r/x/split_files/vae"),
        (b"/r/x/vae/a", None),
        (b"/r/a", None),
    ],
)
def test_the_folder_of_comfyui_above_a_path(path: bytes, folder: bytes | None) -> None:
    assert collection_above(path, b"/r") == folder
    assert collection_above(path, b"/r/") == folder


def test_comfyui_at_the_top_of_everything() -> None:
    assert collection_above(b"/vae/a", b"/") == b"/vae"
