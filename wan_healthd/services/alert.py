"""Findings become alerts: each once when it opens, changes or clears."""

from __future__ import annotations

from collections.abc import Sequence

from wan_healthd.domain import alerts
from wan_healthd.domain.alerts import Alert, AlertKind
from wan_healthd.domain.catalogue import UNJUDGED
from wan_healthd.domain.findings import Finding, Severity
from wan_healthd.domain.ports import AlertSink
from wan_healthd.services.changes import Change


def kind_of(finding: Finding) -> AlertKind:
    """Damage that matters is critical, lesser damage and advice are warnings."""
    if finding.is_advice:
        return alerts.ADVICE_GIVEN
    return alerts.CORRUPTION_FOUND if finding.severity.rank >= Severity.HIGH.rank else alerts.MODEL_DEGRADED


class Alerter:
    """Hands alerts to every sink."""

    def __init__(self, sinks: Sequence[AlertSink]) -> None:
        self._sinks = tuple(sinks)

    def findings(self, model_ids: Sequence[str], change: Change) -> None:
        """Alert what a judgement changed; a file that is merely still being written is no alert."""
        model_id = ", ".join(model_ids) or None
        for finding in (*change.opened, *change.reworded):
            if finding.code != UNJUDGED.code:
                self.tell(kind_of(finding), _line(model_id, finding.message), model_id=model_id, finding=finding)
        for finding in change.cleared:
            if finding.code != UNJUDGED.code:
                told = _line(model_id, f"no longer: {finding.message}")
                self.tell(alerts.FINDING_CLEARED, told, model_id=model_id, finding=finding)

    def tell(self, kind: AlertKind, message: str, *, model_id: str | None = None, finding: Finding | None = None) -> None:
        """Hand one alert to every sink."""
        alert = Alert(kind, message, model_id=model_id, finding=finding)
        for sink in self._sinks:
            sink.emit(alert)


def _line(model_id: str | None, message: str) -> str:
    return message if model_id is None else f"{model_id}: {message}"
