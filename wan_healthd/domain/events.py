"""What happened, in order: each event has a number that is never used again."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from msgspec import UNSET, Struct, UnsetType

from wan_healthd.domain.findings import Finding
from wan_healthd.domain.verdicts import HealthStatus


class EventKind(StrEnum):
    """Everything an event can tell."""

    MODEL_APPEARED = "model-appeared"
    MODEL_FORGOTTEN = "model-forgotten"
    TRUST_GIVEN = "trust-given"
    FINDING_OPENED = "finding-opened"
    FINDING_CHANGED = "finding-changed"
    FINDING_CLEARED = "finding-cleared"
    STATUS_CHANGED = "status-changed"
    SWEEP_FINISHED = "sweep-finished"
    SWEEPS_PAUSED = "sweeps-paused"
    SWEEPS_RESUMED = "sweeps-resumed"
    ROOT_LOST = "root-lost"
    ROOT_RETURNED = "root-returned"
    ROOT_MOVED = "root-moved"
    WATCH_INCOMPLETE = "watch-incomplete"
    WATCH_COMPLETE = "watch-complete"
    WORKER_LOST = "worker-lost"
    EXPOSURE_MISSED = "exposure-missed"
    SWEEPS_TOO_SLOW = "sweeps-too-slow"
    STORAGE_LOW = "storage-low"
    STORAGE_CRITICAL = "storage-critical"
    CONDITION_CLEARED = "condition-cleared"
    ALERT_ACKNOWLEDGED = "alert-acknowledged"
    STATE_RESTORED = "state-restored"
    STATE_UNWRITABLE = "state-unwritable"
    STATE_WRITABLE_AGAIN = "state-writable-again"
    CONFIG_RELOADED = "config-reloaded"
    DAEMON_STARTED = "daemon-started"
    DAEMON_STOPPED = "daemon-stopped"


class NewEvent(Struct, frozen=True):
    """An event before the store gave it a number. `message` is one readable line without control characters."""

    at: datetime
    kind: EventKind
    message: str
    model_id: str | None = None
    path: str | None = None
    finding: Finding | None = None
    status: HealthStatus | None = None
    path_b64: str | UnsetType = UNSET


class Event(Struct, frozen=True):
    """A stored event: `stream` names the store it belongs to, `seq` rises by at least one and is never used twice."""

    stream: str
    seq: int
    at: datetime
    kind: EventKind
    message: str
    model_id: str | None = None
    path: str | None = None
    finding: Finding | None = None
    status: HealthStatus | None = None
    path_b64: str | UnsetType = UNSET
