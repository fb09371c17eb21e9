"""Every alert, declared once: its journal MESSAGE_ID, class and name (requirement M4.3).

The ids are random UUIDs made for this project; they never change, since the message catalogue and monitors match on them.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from wan_healthd.domain.findings import Finding
from wan_healthd.domain.verdicts import HealthStatus


class AlertClass(StrEnum):
    """The four classes, each with its syslog priority."""

    CRITICAL = "critical"
    WARNING = "warning"
    MAINTENANCE = "maintenance"
    INFO = "info"

    @property
    def priority(self) -> int:
        """Syslog priority: critical 2, warning 4, maintenance 5, info 6."""
        return {AlertClass.CRITICAL: 2, AlertClass.WARNING: 4, AlertClass.MAINTENANCE: 5, AlertClass.INFO: 6}[self]


class AlertKind(Struct, frozen=True):
    """`name` is the journal's WAN_EVENT, `message_id` 32 hex digits."""

    name: str
    alert_class: AlertClass
    message_id: str


CORRUPTION_FOUND = AlertKind("corruption-found", AlertClass.CRITICAL, "8982e34631bc4dd9816a6c9f6db87bd7")
MODEL_DEGRADED = AlertKind("model-degraded", AlertClass.WARNING, "38918d28ebdb4e2684568461e432ac73")
ADVICE_GIVEN = AlertKind("advice-given", AlertClass.WARNING, "744053a9503b41ae85a18f1509f18d0e")
FINDING_CLEARED = AlertKind("finding-cleared", AlertClass.INFO, "ef58fd55580642f3aa84395dfc606590")
ROOT_LOST = AlertKind("root-lost", AlertClass.CRITICAL, "8979aa31a26343e68c37066ea934bdd6")
ROOT_RETURNED = AlertKind("root-returned", AlertClass.INFO, "badbe8f5920c4f23b414016d289bf4fd")
WORKER_LOST = AlertKind("worker-lost", AlertClass.WARNING, "ebe09d1c137346ea9ed4f1910254c22f")
SWEEP_FINISHED = AlertKind("sweep-finished", AlertClass.MAINTENANCE, "5aaf30f8890b4e39ba99e481bb59f63b")
DAEMON_STARTED = AlertKind("daemon-started", AlertClass.MAINTENANCE, "1f8562f67bd74403b957ba11f635c42c")
DAEMON_STOPPED = AlertKind("daemon-stopped", AlertClass.MAINTENANCE, "a0e11f906f2c40858cc7e4af4706e7c6")

ALERT_KINDS = (
    CORRUPTION_FOUND,
    MODEL_DEGRADED,
    ADVICE_GIVEN,
    FINDING_CLEARED,
    ROOT_LOST,
    ROOT_RETURNED,
    WORKER_LOST,
    SWEEP_FINISHED,
    DAEMON_STARTED,
    DAEMON_STOPPED,
)


class Alert(Struct, frozen=True):
    """One alert, as it goes to the journal and to other sinks; `message` is one readable line."""

    kind: AlertKind
    message: str
    model_id: str | None = None
    finding: Finding | None = None
    status: HealthStatus | None = None
