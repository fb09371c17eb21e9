"""A ComfyUI model without its VAE or its text encoder: the 14B models need the Wan 2.1 VAE, only the 5B needs that of 2.2.

By what files are, not by their names. Whoever may have what is needed is not accused: nothing is said where a folder is not
there, holds a weight file that nobody can identify, or where the right file is anywhere below the roots. Sources: the domain
facts, section 1c, and the names of the repackaged files there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from wan_healthd.domain.catalogue import COMPANION_MISSING
from wan_healthd.domain.evidence import ModelEvidence, ModelKind, Neighbours
from wan_healthd.domain.findings import Finding
from wan_healthd.domain.paths import display


class Companion(Struct, frozen=True):
    """A file that a model needs beside it.

    `folders` may hold it, the first one that is there should; `repackaged` is its published name. `rivals` are of the same
    sort, but not what is needed.
    """

    kind: ModelKind
    title: str
    folders: tuple[bytes, ...]
    repackaged: bytes
    rivals: frozenset[ModelKind] = frozenset()


VAE_FOLDERS = (b"vae",)
TEXT_FOLDERS = (b"text_encoders", b"clip")
VAE_21 = Companion(
    ModelKind.WAN_VAE_21, "the Wan 2.1 VAE", VAE_FOLDERS, b"wan_2.1_vae.safetensors", frozenset({ModelKind.WAN_VAE_22})
)
VAE_22 = Companion(
    ModelKind.WAN_VAE_22, "the Wan 2.2 VAE", VAE_FOLDERS, b"wan2.2_vae.safetensors", frozenset({ModelKind.WAN_VAE_21})
)
UMT5 = Companion(ModelKind.UMT5_ENCODER, "the UMT5-XXL text encoder", TEXT_FOLDERS, b"umt5_xxl_fp8_e4m3fn_scaled.safetensors")
TITLES = {companion.kind: companion.title for companion in (VAE_21, VAE_22, UMT5)}

NEEDS: dict[ModelKind, tuple[Companion, ...]] = {
    ModelKind.WAN_T2V_14B: (VAE_21, UMT5),
    ModelKind.WAN_I2V_14B: (VAE_21, UMT5),
    ModelKind.WAN_TI2V_5B: (VAE_22, UMT5),
}
"""What each kind of transformer needs to make a video."""


def check(evidence: ModelEvidence) -> Iterator[Finding]:
    """companion-missing, at the place where the repackaged file would be.

    While not all is in sight that may hold the companion, it is not missed anew, and one that was missed still is.
    """
    for companion in NEEDS.get(evidence.kind, ()) if evidence.kind is not None else ():
        folders = _folders_of(companion, evidence)
        places = [folder.folder + b"/" + companion.repackaged for folder in folders]
        if not folders or companion.kind in evidence.kinds_anywhere or not evidence.accepted_absent.isdisjoint(places):
            continue
        if evidence.is_all_seen and all(folder.is_whole for folder in folders):
            yield from _missing(companion, folders, places[0])
        else:
            shown = {display(place) for place in places}
            yield from (finding for finding in evidence.missing_before if finding.path in shown)


def _folders_of(companion: Companion, evidence: ModelEvidence) -> list[Neighbours]:
    """The folders that may hold it, the best one first."""
    return [n for base in companion.folders for n in evidence.neighbours if n.folder.rpartition(b"/")[2] == base]


def _missing(companion: Companion, folders: Sequence[Neighbours], place: bytes) -> Iterator[Finding]:
    if any(kind is None for folder in folders for _, kind in folder.weights):
        return
    rival = _rival(companion, folders)
    what = f"this model needs {companion.title}" + (f", and {rival}" if rival else ", which is nowhere below the roots")
    yield COMPANION_MISSING.at(place, what=what, folder=display(place.rpartition(b"/")[0]))


def _rival(companion: Companion, folders: Sequence[Neighbours]) -> str | None:
    """The file that was probably taken for the companion."""
    found = ((path, kind) for folder in folders for path, kind in folder.weights if kind in companion.rivals)
    return next((f"only {TITLES[kind]} is here ({display(path)})" for path, kind in found if kind is not None), None)


def places_of(neighbours: Sequence[Neighbours]) -> frozenset[bytes]:
    """Every place in these folders at which a companion may be missed."""
    companions = {companion.kind: companion for needs in NEEDS.values() for companion in needs}.values()
    return frozenset(folder.folder + b"/" + companion.repackaged for folder in neighbours for companion in companions)
