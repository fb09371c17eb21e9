"""The right form in the wrong place: what a header's tensors are against what folder and name promise.

Only where both sides are known: what cannot be identified is not accused. Sources: the folders of ComfyUI (folder_paths.py) and
diffusers, the names of the repackaged Wan files, and the shapes in `formats.kinds`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from wan_healthd.domain.catalogue import WRONG_KIND
from wan_healthd.domain.evidence import FileEvidence, ModelKind
from wan_healthd.domain.findings import Finding

TRANSFORMERS = frozenset({ModelKind.WAN_T2V_14B, ModelKind.WAN_I2V_14B, ModelKind.WAN_TI2V_5B})
VAES = frozenset({ModelKind.WAN_VAE_21, ModelKind.WAN_VAE_22})
OF_FOLDER: dict[bytes, frozenset[ModelKind]] = {
    **dict.fromkeys((b"diffusion_models", b"unet", b"transformer", b"transformer_2"), TRANSFORMERS),
    **dict.fromkeys((b"high_noise_model", b"low_noise_model"), TRANSFORMERS - {ModelKind.WAN_TI2V_5B}),
    b"vae": VAES,
    **dict.fromkeys((b"text_encoders", b"text_encoder"), frozenset({ModelKind.UMT5_ENCODER})),
    b"clip_vision": frozenset({ModelKind.CLIP_VISION}),
    **dict.fromkeys((b"loras", b"lora"), frozenset({ModelKind.LORA})),
}
TASK = re.compile(rb"(?<![a-z])(ti2v|t2v|i2v)(?![a-z])")
OF_TASK = {b"ti2v": ModelKind.WAN_TI2V_5B, b"t2v": ModelKind.WAN_T2V_14B, b"i2v": ModelKind.WAN_I2V_14B}
VAE_VERSION = re.compile(rb"wan_?(2\.[12])_vae")
OF_VAE = {b"2.1": ModelKind.WAN_VAE_21, b"2.2": ModelKind.WAN_VAE_22}


def check(evidence: FileEvidence) -> Iterator[Finding]:
    """wrong-kind, which is advice: the file itself is sound."""
    kind = None if evidence.header is None else evidence.header.kind
    if kind is None:
        return
    *folders, name = evidence.path.lower().split(b"/")
    promised = _by_name(name, kind) or (OF_FOLDER.get(folders[-1]) if folders else None)
    if promised is not None and kind not in promised:
        wanted = " or ".join(sorted(promised))
        yield WRONG_KIND.at(evidence.path, what=kind, wanted=wanted)


def _by_name(name: bytes, kind: ModelKind) -> frozenset[ModelKind] | None:
    """What the name promises, if it speaks of the same sort of thing: a LoRA for T2V is no T2V model."""
    if kind in TRANSFORMERS and (task := TASK.search(name)) is not None:
        return frozenset({OF_TASK[task[1]]})
    if kind in VAES and (version := VAE_VERSION.search(name)) is not None:
        return frozenset({OF_VAE[version[1]]})
    return None
