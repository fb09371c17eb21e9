"""Digests and sizes that are known of published files, for models that state those very sources and for no others.

The tables are those of the project's domain facts, section 1. A digest that several independent repositories agree on may prove
and accuse. One that a single source gave may prove a file, never accuse it: it is handed out like a claim from before the file
was last written to. No digest is known here of what the tables lack, and none is ever made up.
"""

from __future__ import annotations

import posixpath

from msgspec import Struct

from wan_healthd.domain.files import VerifiedBy
from wan_healthd.domain.models import Model
from wan_healthd.domain.source_ref import SourceRef
from wan_healthd.provenance.in_repo import path_in_repo
from wan_healthd.provenance.sources import NOT_TOLD, Subject, Told
from wan_healthd.provenance.stated import Statement, as_told


class Published(Struct, frozen=True):
    """What is known of one file; `by_one_source` only: it may not accuse."""

    size_bytes: int
    sha256: str | None = None
    by_one_source: bool = False


WAN_22 = "Wan-AI/Wan2.2-"
"""How the names of Wan-AI's repositories begin."""

WAN_FILES = {
    b"models_t5_umt5-xxl-enc-bf16.pth": Published(
        11_361_920_418, "7cace0da2b446bbbbc57d031ab6cf163a3d59b366da94e5afe36745b746fd81d"
    ),
    b"Wan2.1_VAE.pth": Published(507_609_880, "38071ab59bd94681c686fa51d75a1968f64e470262043be31f7a094e442fd981"),
    b"Wan2.2_VAE.pth": Published(2_818_839_170, "20eb789667fa5e60e7516bf509512f6cb61f01b0aa0695eadaea930c13892b36"),
    b"google/umt5-xxl/tokenizer.json": Published(
        16_837_417, "6e197b4d3dbd71da14b4eb255f4fa91c9c1f2068b20a2de2472967ca3d22602b"
    ),
    b"google/umt5-xxl/spiece.model": Published(4_548_313, "e3909a67b780650b35cf529ac782ad2b6b26e6d1f849d3fbb6a872905f452458"),
}
"""In any of Wan-AI's repositories that has such a path."""

TI2V_5B = "Wan-AI/Wan2.2-TI2V-5B"
TI2V_5B_FILES = {
    b"diffusion_pytorch_model-00001-of-00003.safetensors": Published(
        9_825_014_472, "720b06c4ade5e87c1246bba8ac95b664c638749cd9b102cf84d823bb44c026a1", by_one_source=True
    ),
    b"diffusion_pytorch_model-00002-of-00003.safetensors": Published(
        9_995_661_736, "09ec5ef720d8396f6cfa51fbdcbdb2327e37722afd6e89fd38f1e7e5e782c283", by_one_source=True
    ),
    b"diffusion_pytorch_model-00003-of-00003.safetensors": Published(
        178_558_176, "6306f7894c345de9093ad588771c2abfaeb668a81f7a6d9a918bd26ba3568e49", by_one_source=True
    ),
}

COMFY = "Comfy-Org/"
COMFY_FILES = {
    b"wan2.2_t2v_high_noise_14B_fp8_scaled.safetensors": Published(14_293_923_632),
    b"wan2.2_t2v_low_noise_14B_fp8_scaled.safetensors": Published(14_293_923_632),
    b"wan2.2_i2v_high_noise_14B_fp8_scaled.safetensors": Published(14_294_742_832),
    b"wan2.2_i2v_low_noise_14B_fp8_scaled.safetensors": Published(14_294_742_832),
    b"wan2.2_ti2v_5B_fp16.safetensors": Published(9_999_658_848),
    b"umt5_xxl_fp8_e4m3fn_scaled.safetensors": Published(6_735_906_897),
    b"wan_2.1_vae.safetensors": Published(253_815_318),
    b"wan2.2_vae.safetensors": Published(1_409_400_960),
    b"clip_vision_h.safetensors": Published(1_264_219_396),
}
"""By base name: these files are moved from their `split_files/` folders. Only sizes are known."""


def told(ref: SourceRef, model: Model, subject: Subject) -> Told:
    """What is known of the subject by the source that its model states."""
    known = _known(ref.repo, subject.path, model)
    if known is None:
        return NOT_TOLD
    authority = f"what {ref.repo.partition('/')[0]} published in {ref.repo}, as wan-healthd knows it"
    answer = as_told(Statement(VerifiedBy.HUB, authority, known.sha256, known.size_bytes), subject)
    return Told(outdated=answer.claims) if known.by_one_source else answer


def _known(repo: str, path: bytes, model: Model) -> Published | None:
    base = posixpath.basename(path)
    if repo.startswith(COMFY):
        return COMFY_FILES.get(base)
    name = path_in_repo(path, model).name or base
    found = WAN_FILES.get(name) if repo.startswith(WAN_22) else None
    return found or (TI2V_5B_FILES.get(name) if repo == TI2V_5B else None)
