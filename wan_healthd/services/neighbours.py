"""Models that depend on files which are not theirs: what stands beside them, and who is judged anew when that changes."""

from __future__ import annotations

import base64
from collections.abc import Sequence

from msgspec import Struct, UnsetType
from msgspec.structs import replace

from wan_healthd.checks.companions import NEEDS, TITLES, places_of
from wan_healthd.domain.catalogue import COMPANION_MISSING
from wan_healthd.domain.evidence import ModelEvidence, ModelKind, Neighbours, Twins
from wan_healthd.domain.findings import Finding
from wan_healthd.domain.models import Layout, Model
from wan_healthd.layouts import comfyui
from wan_healthd.layouts.experts import is_high, partner_of
from wan_healthd.store import companions, models, opinions, paths, twins
from wan_healthd.store.connection import Connection
from wan_healthd.store.records import PathRecord

_COMPANION_KINDS = frozenset(TITLES)


class Beside(Struct, frozen=True):
    """What a path told those who depend on it, before a judgement or after it."""

    kind: ModelKind | None
    sha256: str | None


def with_neighbours(connection: Connection, model: Model, evidence: ModelEvidence, before: Sequence[Finding]) -> ModelEvidence:
    """The evidence with what stands beside the model, and with its twins; `before` is what was found of the model last."""
    evidence = replace(evidence, twins=_twins(connection, model))
    kind = companions.kind_at(connection, model.path) if model.layout is Layout.COMFYUI else None
    if kind not in NEEDS:
        return evidence
    tree = _tree(model)
    folders = companions.folders(connection, tree) if tree is not None else ()
    found = tuple(
        Neighbours(folder.path, companions.weights_below(connection, folder.path), folder.is_whole) for folder in folders
    )
    places = places_of(found)
    return replace(
        evidence,
        kind=kind,
        neighbours=found,
        kinds_anywhere=companions.kinds_anywhere(connection, TITLES),
        accepted_absent=places - paths.not_dispensed(connection, places),
        is_all_seen=companions.is_all_seen(connection),
        missing_before=tuple(finding for finding in before if finding.code == COMPANION_MISSING.code),
    )


def beside(connection: Connection, path: bytes) -> Beside:
    """What the file at `path` tells others now."""
    found = twins.at(connection, path)
    return Beside(companions.kind_at(connection, path), None if found is None else found.sha256)


def dependents(connection: Connection, record: PathRecord, before: Beside) -> tuple[str, ...]:
    """Models that do not own the file but whose verdict may differ now that it was judged."""
    after = beside(connection, record.path)
    is_first = record.judged_at is None
    ids: list[str] = []
    if after.sha256 != before.sha256:
        ids.extend(partners(connection, record.path))
    kinds = {before.kind, after.kind}
    if (kinds & _COMPANION_KINDS and len(kinds) > 1) or (is_first and _may_complete(connection, record)):
        ids.extend(companioned(connection))
    return tuple(dict.fromkeys(ids))


def companioned(connection: Connection) -> tuple[str, ...]:
    """The models that depend on companions."""
    return companions.comfyui_models(connection, NEEDS)


def missing_companions(connection: Connection, model_id: str) -> dict[str, bytes]:
    """Where companions of the model are missing now, by how the findings show it."""
    findings = opinions.open_findings(connection, model_id)
    missing = [finding for finding in findings if finding.code == COMPANION_MISSING.code]
    return {f.path: _exact_path(f, f.path) for f in missing if f.path is not None}


def _exact_path(finding: Finding, shown: str) -> bytes:
    return shown.encode() if isinstance(finding.path_b64, UnsetType) else base64.b64decode(finding.path_b64)


def partners(connection: Connection, path: bytes) -> tuple[str, ...]:
    """The models of the other expert's file."""
    partner = partner_of(path)
    return () if partner is None else _models_at(connection, partner)


def _may_complete(connection: Connection, record: PathRecord) -> bool:
    """Whether this first judgement may be the last that was waited for, or shows what a folder of companions holds."""
    folder = comfyui.collection_above(record.path, record.root)
    return (folder is not None and companions.is_in_a_folder(connection, [folder])) or companions.is_all_seen(connection)


def _models_at(connection: Connection, path: bytes) -> tuple[str, ...]:
    record = paths.get(connection, path)
    return () if record is None else models.of_path(connection, record.id)


def _tree(model: Model) -> bytes | None:
    folder = comfyui.collection_above(model.path, model.root)
    return None if folder is None else folder.rpartition(b"/")[0]


def _twins(connection: Connection, model: Model) -> tuple[Twins, ...]:
    """Pairs of the model's own weight files, or of one of its and one of a model beside it."""
    known = {weights.path: weights for weights in twins.of_model(connection, model.id)}
    pairs: dict[bytes, Twins] = {}
    for path, weights in known.items():
        partner = partner_of(path)
        other = None if partner is None else known.get(partner) or twins.at(connection, partner)
        if other is not None and _are_suspect(weights, other):
            high, low = (weights, other) if is_high(path) else (other, weights)
            pairs[high.path] = _twin(high, low)
    return tuple(pairs.values())


def _are_suspect(high: twins.Weights, low: twins.Weights) -> bool:
    """Not where one of them is called wrong anyway, and not where both were called right."""
    is_settled = high.is_accused or low.is_accused or (high.is_vouched and low.is_vouched)
    return high.sha256 == low.sha256 and not is_settled


def _twin(high: twins.Weights, low: twins.Weights) -> Twins:
    return Twins(high.path, low.path, high.path if high.is_vouched else low.path if low.is_vouched else None)
