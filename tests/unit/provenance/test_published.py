"""The tables speak of models that state the source, and of nobody else's."""

from __future__ import annotations

import pytest

from wan_healthd.domain.files import VerifiedBy
from wan_healthd.domain.models import Layout, Model
from wan_healthd.domain.source_ref import SourceRef
from wan_healthd.provenance import published
from wan_healthd.provenance.sentinels import SHA256, refusal
from wan_healthd.provenance.sources import NOT_TOLD, Subject, Told

MODEL = Model("wan", Layout.WAN_NATIVE, b"/m/wan", b"/m")
VAE = b"Wan2.2_VAE.pth"
SHARD = b"diffusion_pytorch_model-00001-of-00003.safetensors"
COMFY_VAE = b"wan_2.1_vae.safetensors"


def told(repo: str, name: bytes, model: Model = MODEL) -> Told:
    return published.told(SourceRef(repo), model, Subject(model.path + b"/" + name if model.layout.is_folder else model.path))


def test_a_digest_that_many_agree_on_is_a_claim() -> None:
    (claim,) = told("Wan-AI/Wan2.2-T2V-A14B", VAE).claims
    assert (claim.source, claim.size_bytes) == (VerifiedBy.HUB, 2_818_839_170)
    assert claim.sha256 is not None and claim.sha256.startswith("20eb7896")
    assert claim.authority == "what Wan-AI published in Wan-AI/Wan2.2-T2V-A14B, as wan-healthd knows it"


def test_one_that_a_single_source_gave_may_only_prove() -> None:
    answer = told("Wan-AI/Wan2.2-TI2V-5B", SHARD)
    assert answer.claims == ()
    assert [claim.size_bytes for claim in answer.outdated] == [9_825_014_472]


@pytest.mark.parametrize(
    ("repo", "name"),
    [
        ("somebody/Wan2.2-TI2V-5B", VAE),
        ("Wan-AI/Wan2.1-T2V-14B", VAE),
        ("Wan-AI/Wan2.2-T2V-A14B", SHARD),
        ("Wan-AI/Wan2.2-TI2V-5B", b"other/" + VAE),
        ("Wan-AI/Wan2.2-TI2V-5B", COMFY_VAE),
        ("Comfy-Org/Wan_2.2_ComfyUI_Repackaged", VAE),
    ],
)
def test_nothing_is_known_of_others(repo: str, name: bytes) -> None:
    assert told(repo, name) == NOT_TOLD


def test_comfyui_files_are_known_by_their_size_wherever_they_lie() -> None:
    model = Model("vae", Layout.COMFYUI, b"/m/models/vae/" + COMFY_VAE, b"/m")
    (claim,) = told("Comfy-Org/Wan_2.2_ComfyUI_Repackaged", COMFY_VAE, model).claims
    assert (claim.size_bytes, claim.sha256) == (253_815_318, None)


def test_a_model_that_is_one_file_is_known_by_its_name() -> None:
    model = Model("vae", Layout.SINGLE_FILE, b"/m/vae/" + VAE, b"/m")
    assert told("Wan-AI/Wan2.2-TI2V-5B", VAE, model).claims


def test_no_digest_in_the_tables_is_a_placeholder() -> None:
    known = [*published.WAN_FILES.values(), *published.TI2V_5B_FILES.values()]
    assert all(item.sha256 is not None and SHA256.fullmatch(item.sha256) for item in known)
    assert [refusal(item.sha256 or "", item.size_bytes) for item in known] == [None] * len(known)
    assert all(item.size_bytes > 0 for item in (*known, *published.COMFY_FILES.values()))
