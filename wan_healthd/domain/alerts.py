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
    """What is true of every alert of one kind.

    Args:
        name: the journal's WAN_EVENT. A kind that is told of a condition has an event of the same name.
        message_id: 32 hex digits.
        shows_after_s: what ends within these seconds is never told. Always 0 for damage.
        reminds: whether people are reminded while it lasts.
        depends_on: names of kinds; while one of them is open above it (see `domain.alerting.covers`), this one is not told.
        ends_as: name of the kind that tells its end.
    """

    name: str
    alert_class: AlertClass
    message_id: str
    shows_after_s: float = 0.0
    reminds: bool = False
    depends_on: tuple[str, ...] = ()
    ends_as: str = "condition-cleared"


CORRUPTION_FOUND = AlertKind(
    "corruption-found",
    AlertClass.CRITICAL,
    "8982e34631bc4dd9816a6c9f6db87bd7",
    reminds=True,
    depends_on=("root-lost",),
    ends_as="finding-cleared",
)
MODEL_DEGRADED = AlertKind(
    "model-degraded",
    AlertClass.WARNING,
    "38918d28ebdb4e2684568461e432ac73",
    reminds=True,
    depends_on=("root-lost", "corruption-found"),
    ends_as="finding-cleared",
)
ADVICE_GIVEN = AlertKind(
    "advice-given",
    AlertClass.WARNING,
    "744053a9503b41ae85a18f1509f18d0e",
    depends_on=("root-lost",),
    ends_as="finding-cleared",
)
FINDING_CLEARED = AlertKind("finding-cleared", AlertClass.INFO, "ef58fd55580642f3aa84395dfc606590")
CONDITION_CLEARED = AlertKind("condition-cleared", AlertClass.INFO, "ed5986a13b5c4d63ac8756bee4359f56")
ROOT_LOST = AlertKind(
    "root-lost",
    AlertClass.CRITICAL,
    "8979aa31a26343e68c37066ea934bdd6",
    shows_after_s=10.0,
    reminds=True,
    ends_as="root-returned",
)
ROOT_RETURNED = AlertKind("root-returned", AlertClass.INFO, "badbe8f5920c4f23b414016d289bf4fd")
WATCH_INCOMPLETE = AlertKind(
    "watch-incomplete",
    AlertClass.WARNING,
    "a05ad34ddf354e479cc7be82584e8686",
    reminds=True,
    depends_on=("root-lost",),
    ends_as="watch-complete",
)
WATCH_COMPLETE = AlertKind("watch-complete", AlertClass.INFO, "2edb5759017e4087ad29bcb983e06f60")
WORKER_LOST = AlertKind("worker-lost", AlertClass.WARNING, "ebe09d1c137346ea9ed4f1910254c22f")
EXPOSURE_MISSED = AlertKind(
    "exposure-missed", AlertClass.WARNING, "c37facfde99748839672e2c30777a6b7", reminds=True, depends_on=("root-lost",)
)
STORAGE_LOW = AlertKind(
    "storage-low",
    AlertClass.WARNING,
    "0e95d9c8e7594f57809d0b2a88d78b7c",
    shows_after_s=60.0,
    reminds=True,
    depends_on=("root-lost", "storage-critical"),
)
STORAGE_CRITICAL = AlertKind(
    "storage-critical", AlertClass.CRITICAL, "cebd57f5094c45a89cbeffae7a5a4086", reminds=True, depends_on=("root-lost",)
)
SWEEPS_TOO_SLOW = AlertKind("sweeps-too-slow", AlertClass.WARNING, "bd957ba3d71643e9ba87ed12be274b41", reminds=True)
SWEEP_FINISHED = AlertKind("sweep-finished", AlertClass.MAINTENANCE, "5aaf30f8890b4e39ba99e481bb59f63b")
DAEMON_STARTED = AlertKind("daemon-started", AlertClass.MAINTENANCE, "1f8562f67bd74403b957ba11f635c42c")
DAEMON_STOPPED = AlertKind("daemon-stopped", AlertClass.MAINTENANCE, "a0e11f906f2c40858cc7e4af4706e7c6")
STATE_RESTORED = AlertKind("state-restored", AlertClass.CRITICAL, "98c1fa6b951c408cb4f18ac1ae2ac345")
STATE_DAMAGED = AlertKind("state-damaged", AlertClass.CRITICAL, "87b981c2d7b941e1bd9ab39ee6980408")
STATE_UNWRITABLE = AlertKind("state-unwritable", AlertClass.CRITICAL, "ea725d1a8cc5483d8fa3b31649f79c34")
STATE_WRITABLE_AGAIN = AlertKind("state-writable-again", AlertClass.INFO, "eff1956c08f943d78a20fe8d8fe16790")
DAEMON_STUCK = AlertKind("daemon-stuck", AlertClass.CRITICAL, "fbfaf0bf518649d4a7d9bae971b85718")

ALERT_KINDS = (
    CORRUPTION_FOUND,
    MODEL_DEGRADED,
    ADVICE_GIVEN,
    FINDING_CLEARED,
    CONDITION_CLEARED,
    ROOT_LOST,
    ROOT_RETURNED,
    WATCH_INCOMPLETE,
    WATCH_COMPLETE,
    WORKER_LOST,
    DAEMON_STUCK,
    EXPOSURE_MISSED,
    STORAGE_LOW,
    STORAGE_CRITICAL,
    SWEEPS_TOO_SLOW,
    SWEEP_FINISHED,
    DAEMON_STARTED,
    DAEMON_STOPPED,
    STATE_RESTORED,
    STATE_DAMAGED,
    STATE_UNWRITABLE,
    STATE_WRITABLE_AGAIN,
)


BY_NAME: dict[str, AlertKind] = {kind.name: kind for kind in ALERT_KINDS}


class Alert(Struct, frozen=True):
    """One alert, as it goes to the journal and to other sinks; `message` is one readable line.

    `count` is how many alerts this one stands for; `is_test` marks one that nothing happened for.
    """

    kind: AlertKind
    message: str
    model_id: str | None = None
    finding: Finding | None = None
    status: HealthStatus | None = None
    count: int = 1
    is_test: bool = False
