"""An alert sink that remembers."""

from __future__ import annotations

from wan_healthd.domain.alerts import Alert


class FakeAlertSink:
    """The `AlertSink` port; `alerts` holds what was emitted, in order."""

    def __init__(self) -> None:
        self.alerts: list[Alert] = []

    def emit(self, alert: Alert) -> None:
        self.alerts.append(alert)

    @property
    def names(self) -> list[str]:
        return [alert.kind.name for alert in self.alerts]
