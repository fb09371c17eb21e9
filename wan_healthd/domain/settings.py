"""The effective configuration as values; `wan_healthd.config` makes them from TOML.

Every field is read by something and does what it says. Durations are seconds here, "24h" in the file.

`written_as` marks fields whose form in the file is not that of their type; `wan_healthd.config.quantities` has a reader and a
writer for each. Upper bounds keep dates within what a calendar can hold.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

Hours = Annotated[float, Meta(gt=0, le=87_600)]
Days = Annotated[int, Meta(ge=1, le=3650)]
Duration = Annotated[float, Meta(gt=0, le=3650 * 86_400, extra={"written_as": "duration"})]
AbsolutePath = Annotated[str, Meta(min_length=1, max_length=4096, extra={"written_as": "path"})]
Fraction = Annotated[float, Meta(gt=0, le=1)]


class HealthCheckConfig(Struct, frozen=True, forbid_unknown_fields=True):
    """What is monitored and how often (requirement M8.2)."""

    check_interval_hours: Hours = 24.0
    performance_monitoring_enabled: bool = True
    automatic_repair_enabled: bool = True
    corruption_detection_enabled: bool = True
    baseline_performance_days: Days = 7
    performance_degradation_threshold: Fraction = 0.2
    storage_warning_threshold: Fraction = 0.8
    storage_critical_threshold: Fraction = 0.95


class RootSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """A folder to watch; `path` is absolute."""

    path: AbsolutePath


class ModelSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """A model that is expected at `path` (absolute), even when nothing is there.

    `manifest` is a list of its files' digests (as `sha256sum` writes it, or JSON), absolute or relative to `path`: the best
    authority there is.
    """

    id: Annotated[str, Meta(min_length=1, max_length=512)]
    path: AbsolutePath
    manifest: Annotated[str, Meta(min_length=1, max_length=4096)] | None = None


class SweepSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """When files are looked at without being asked. Seconds."""

    incremental_every: Duration | None = None
    """Default: `check_interval_hours`."""
    full_every: Duration = 7 * 86400.0


class ApiSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """The control socket. `socket` None: the run-time directory; groups are names, None for the process's own group."""

    socket: AbsolutePath | None = None
    socket_group: str | None = None
    act_group: str | None = None
    """Default: the socket's group."""


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """Everything."""

    roots: tuple[RootSettings, ...] = ()
    models: tuple[ModelSettings, ...] = ()
    health: HealthCheckConfig = HealthCheckConfig()
    sweep: SweepSettings = SweepSettings()
    api: ApiSettings = ApiSettings()

    @property
    def incremental_every_s(self) -> float:
        """Interval of the incremental sweep in seconds."""
        return self.sweep.incremental_every or self.health.check_interval_hours * 3600.0
