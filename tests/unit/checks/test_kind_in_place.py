"""A sound file in the wrong place is advice; what cannot be identified is not accused."""

from __future__ import annotations

import msgspec
import pytest

from tests.unit.checks.scenes import SOUND, first_word
from wan_healthd.checks.registry import judge_file
from wan_healthd.domain.evidence import HeaderFacts, ModelKind
from wan_healthd.domain.scoring import status_of
from wan_healthd.domain.verdicts import HealthStatus

T2V, I2V, TI2V = ModelKind.WAN_T2V_14B, ModelKind.WAN_I2V_14B, ModelKind.WAN_TI2V_5B
FITTING = [
    (b"/m/vae/wan_2.1_vae.safetensors", ModelKind.WAN_VAE_21),
    (b"/m/diffusion_models/wan2.2_ti2v_5B_fp16.safetensors", TI2V),
    (b"/m/diffusion_models/wan2.2_i2v_high_noise_14B_fp8_scaled.safetensors", I2V),
    (b"/m/loras/wan2.2_t2v_lightx2v_4steps_lora.safetensors", ModelKind.LORA),
    (b"/m/anywhere/file.safetensors", ModelKind.WAN_VAE_22),
    (b"/m/vae/unknown.safetensors", None),
]
WRONG = [
    (b"/m/vae/wan2.2_vae.safetensors", ModelKind.WAN_VAE_21, "wan-vae-2.2"),
    (b"/m/vae/a.safetensors", T2V, "wan-vae-2.1 or wan-vae-2.2"),
    (b"/m/diffusion_models/wan2.2_i2v_low_noise_14B_fp8_scaled.safetensors", T2V, "wan-i2v-14b"),
    (b"/m/loras/wan2.2_t2v_high_noise_14B_fp8_scaled.safetensors", I2V, "wan-t2v-14b"),
    (b"/m/high_noise_model/a.safetensors", TI2V, "wan-i2v-14b or wan-t2v-14b"),
    (b"/m/text_encoders/a.safetensors", ModelKind.LORA, "umt5-encoder"),
]


def header(kind: ModelKind | None) -> HeaderFacts:
    return HeaderFacts("safetensors", kind=kind)


@pytest.mark.parametrize(("path", "kind"), FITTING)
def test_what_fits_or_is_not_known_is_left_alone(path: bytes, kind: ModelKind | None) -> None:
    assert judge_file(msgspec.structs.replace(first_word(SOUND, path=path), header=header(kind))) == ()


@pytest.mark.parametrize(("path", "kind", "wanted"), WRONG)
def test_a_wrong_file_in_the_right_place_is_advice(path: bytes, kind: ModelKind, wanted: str) -> None:
    (finding,) = judge_file(msgspec.structs.replace(first_word(SOUND, path=path), header=header(kind)))
    assert (finding.code, finding.corruption_type) == ("wrong-kind", None)
    assert f"needs {wanted}" in finding.message
    assert status_of([finding]) is HealthStatus.HEALTHY
