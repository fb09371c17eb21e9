"""The hub could not tell what the model's source holds."""

from __future__ import annotations

from collections.abc import Iterator

from wan_healthd.domain.catalogue import HUB_UNREACHABLE
from wan_healthd.domain.evidence import HubSilence, ModelEvidence
from wan_healthd.domain.findings import Finding


def hub_finding(path: bytes, silence: HubSilence) -> Finding:
    """hub-unreachable for the model at `path`."""
    return HUB_UNREACHABLE.at(path, what=silence.what, cure=silence.cure)


def check(evidence: ModelEvidence) -> Iterator[Finding]:
    """hub-unreachable: advice, since the model is held against what stands beside it meanwhile."""
    if evidence.hub_silence is not None:
        yield hub_finding(evidence.path, evidence.hub_silence)
