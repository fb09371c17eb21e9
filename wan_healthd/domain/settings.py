"""The effective configuration as values; `wan_healthd.config` makes them from TOML.

Every field is read by something and does what it says. Durations are seconds here, "24h" in the file.

`written_as` marks fields whose form in the file is not that of their type; `wan_healthd.config.quantities` has a reader and a
writer for each. Upper bounds keep dates within what a calendar can hold.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from wan_healthd.domain.alert_ledger import Reminders
from wan_healthd.domain.politeness import WhileGenerating
from wan_healthd.domain.ports import ReadMode
from wan_healthd.domain.watching import WatchMode

Hours = Annotated[float, Meta(gt=0, le=87_600)]
Days = Annotated[int, Meta(ge=1, le=3650)]
Duration = Annotated[float, Meta(gt=0, le=3650 * 86_400, extra={"written_as": "duration"})]
AbsolutePath = Annotated[str, Meta(min_length=1, max_length=4096, extra={"written_as": "path"})]
RelativePattern = Annotated[str, Meta(min_length=1, max_length=1024)]
Rate = Annotated[int, Meta(ge=1_000_000, le=10**12, extra={"written_as": "rate"})]
HoursOfDay = Annotated[tuple[str, ...], Meta(max_length=100, extra={"written_as": "hours of the day"})]
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
    watch: WatchMode = WatchMode.AUTO


class ModelSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """A model that is expected at `path` (absolute), even when nothing is there.

    `manifest` is a list of its files' digests (as `sha256sum` writes it, or JSON), absolute or relative to `path`: the best
    authority there is. `source` is where its good bytes come from (see `domain.source_ref`). `essential` are the files that it
    needs, relative to `path`: names, or patterns with `*` in their last part; None leaves that to the layout.
    """

    id: Annotated[str, Meta(min_length=1, max_length=512)]
    path: AbsolutePath
    manifest: Annotated[str, Meta(min_length=1, max_length=4096)] | None = None
    source: Annotated[str, Meta(min_length=1, max_length=512)] | None = None
    essential: Annotated[tuple[RelativePattern, ...], Meta(max_length=1000)] | None = None


class SweepSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """When files are looked at without being asked. Seconds."""

    incremental_every: Duration | None = None
    """Default: `check_interval_hours`."""
    full_every: Duration = 7 * 86400.0
    exposure_goal: Duration | None = None
    """How old the stalest verified byte of a model may be before that is an alert. Default: twice `full_every`."""
    poll_every: Duration = 300.0
    """Between two looks at folders of which inotify does not tell every change."""
    mode: ReadMode = ReadMode.POLITE
    while_generating: WhileGenerating = WhileGenerating.PAUSE
    """Holds in every mode."""
    max_rate: Rate | None = None
    """Bytes per second that all sweeps together read at most. Not for what changed or was asked for."""
    quiet_hours: HoursOfDay = ()
    """Local times of day in which sweeps read nothing; see `domain.quiet_hours`."""


class HubSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """What may be asked of the model hub."""

    lookup: bool = False
    """Whether the hub may be asked, over the network, what the models that state a `source` should be."""


class EventSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """How long events are kept one by one; older ones become counts by day, kind and model. Seconds."""

    keep: Duration = 90 * 86_400.0
    most: Annotated[int, Meta(ge=1000, le=100_000_000)] = 1_000_000
    """Beyond this many the oldest become counts, however young."""


class AlertSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """How people are told."""

    reminders: Reminders = Reminders.DIMINISHING
    most_per_minute: Annotated[int, Meta(ge=1, le=1000)] = 20
    """Of one kind; what is more comes as one record."""


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
    hub: HubSettings = HubSettings()
    events: EventSettings = EventSettings()
    alerts: AlertSettings = AlertSettings()
    api: ApiSettings = ApiSettings()

    @property
    def exposure_goal_s(self) -> float:
        """How old the stalest verified byte of a model may be, in seconds."""
        return self.sweep.exposure_goal or 2 * self.sweep.full_every

    @property
    def incremental_every_s(self) -> float:
        """Interval of the incremental sweep in seconds."""
        return self.sweep.incremental_every or self.health.check_interval_hours * 3600.0
