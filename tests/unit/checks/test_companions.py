"""A ComfyUI model without its VAE or text encoder is told what it lacks; whoever may have it is not accused."""

from __future__ import annotations

import msgspec
import pytest

from tests.unit.checks.test_models import WHOLE
from wan_healthd.checks.companions import NEEDS, places_of
from wan_healthd.checks.registry import judge_model
from wan_healthd.domain.evidence import ModelEvidence, ModelKind, Neighbours
from wan_healthd.domain.findings import CorruptionType, Finding, Severity
from wan_healthd.domain.scoring import status_of
from wan_healthd.domain.verdicts import HealthStatus

T2V, I2V, TI2V = ModelKind.WAN_T2V_14B, ModelKind.WAN_I2V_14B, ModelKind.WAN_TI2V_5B
OLD, NEW, TEXT = ModelKind.WAN_VAE_21, ModelKind.WAN_VAE_22, ModelKind.UMT5_ENCODER
M = b"/models/"
PLACES = {
    OLD: "/models/vae/wan_2.1_vae.safetensors",
    NEW: "/models/vae/wan2.2_vae.safetensors",
    TEXT: "/models/text_encoders/umt5_xxl_fp8_e4m3fn_scaled.safetensors",
}


def folder(name: bytes, *kinds: ModelKind | None, is_whole: bool = True) -> Neighbours:
    weights = tuple((M + name + b"/%d.safetensors" % number, kind) for number, kind in enumerate(kinds))
    return Neighbours(M + name, weights, is_whole)


def scene(kind: ModelKind | None, *neighbours: Neighbours, **more: object) -> ModelEvidence:
    known = frozenset(kind for item in neighbours for _, kind in item.weights if kind is not None)
    return msgspec.structs.replace(WHOLE, kind=kind, neighbours=neighbours, **{"kinds_anywhere": known, **more})


def missing(evidence: ModelEvidence) -> list[str | None]:
    return [finding.path for finding in judge_model(evidence)]


@pytest.mark.parametrize("kind", NEEDS)
def test_each_kind_lacks_its_own(kind: ModelKind) -> None:
    vae = NEW if kind is TI2V else OLD
    assert missing(scene(kind, folder(b"vae"), folder(b"text_encoders"))) == [PLACES[vae], PLACES[TEXT]]
    assert missing(scene(kind, folder(b"vae", vae), folder(b"text_encoders", TEXT))) == []
    (finding,) = judge_model(scene(kind, folder(b"vae")))
    assert (finding.code, finding.corruption_type) == ("companion-missing", CorruptionType.FILE_MISSING)
    assert (finding.severity, status_of([finding])) == (Severity.MEDIUM, HealthStatus.DEGRADED)


@pytest.mark.parametrize(
    ("kind", "there", "wanted", "only"), [(T2V, NEW, OLD, "only the Wan 2.2 VAE"), (TI2V, OLD, NEW, "only the Wan 2.1 VAE")]
)
def test_the_vae_of_the_other_version_is_named(kind: ModelKind, there: ModelKind, wanted: ModelKind, only: str) -> None:
    (finding,) = judge_model(scene(kind, folder(b"vae", there)))
    assert (finding.path, f"and {only} is here (/models/vae/0.safetensors)" in finding.message) == (PLACES[wanted], True)
    assert "fetch it to /models/vae;" in finding.suggestion


NOBODY_ACCUSED = {
    "no folder for it": scene(T2V),
    "a file that nobody can identify": scene(T2V, folder(b"vae", NEW, None)),
    "kept in another place": scene(T2V, folder(b"vae"), kinds_anywhere=frozenset({OLD})),
    "accepted": scene(T2V, folder(b"vae"), accepted_absent=frozenset({PLACES[OLD].encode()})),
    "not all seen yet": scene(T2V, folder(b"vae"), is_all_seen=False),
    "a part of it is out of sight": scene(T2V, folder(b"vae", is_whole=False)),
    "the older folder may hold it": scene(T2V, folder(b"text_encoders"), folder(b"clip", None)),
    "the older folder is out of sight": scene(T2V, folder(b"text_encoders"), folder(b"clip", is_whole=False)),
    "of unknown kind": scene(None, folder(b"vae"), folder(b"clip")),
    "a VAE itself": scene(NEW, folder(b"vae"), folder(b"clip")),
}


@pytest.mark.parametrize("name", NOBODY_ACCUSED)
def test_nobody_is_accused_for_want_of_knowledge(name: str) -> None:
    assert missing(NOBODY_ACCUSED[name]) == []


def test_it_is_missed_in_the_older_folder_where_only_that_is_there() -> None:
    assert missing(scene(I2V, folder(b"clip"))) == ["/models/clip/umt5_xxl_fp8_e4m3fn_scaled.safetensors"]


@pytest.mark.parametrize("doubt", [{"is_all_seen": False}, {}])
def test_what_was_missed_is_missed_until_it_is_known_to_be_there(doubt: dict[str, object]) -> None:
    before: tuple[Finding, ...] = judge_model(scene(T2V, folder(b"vae"), folder(b"clip")))
    assert len(before) == 2
    unsure = scene(T2V, folder(b"vae", is_whole=bool(doubt)), missing_before=before, **doubt)
    assert judge_model(unsure) == before[:1], "the folder of the other is gone"
    assert judge_model(msgspec.structs.replace(unsure, kinds_anywhere=frozenset({OLD}))) == ()


def test_places_are_all_that_may_be_accepted() -> None:
    assert PLACES[TEXT].encode() in places_of([folder(b"text_encoders")])
    assert places_of([]) == frozenset()
