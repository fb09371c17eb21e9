"""The blueprint: all that a house is built from, and what follows from the settings alone."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from wan_healthd.domain import source_ref
from wan_healthd.domain.errors import StoreUnusable
from wan_healthd.domain.hub import HubAccess
from wan_healthd.domain.paths import is_at_or_below
from wan_healthd.domain.ports import AlertSink
from wan_healthd.domain.settings import Settings
from wan_healthd.domain.watching import WatchMode
from wan_healthd.hub.client import HubClient
from wan_healthd.layouts.registry import StatedModel
from wan_healthd.provenance.subjects import manifest_places
from wan_healthd.services.lookup import Sourced
from wan_healthd.store.trouble import is_trouble

READS_AT_ONCE = 3
"""Files read at the same time: two of a sweep, and one that somebody waits for."""

Complain = Callable[[str, BaseException | None], None]


class Blueprint(Struct, frozen=True):
    """What a house is built from.

    Args:
        state: path of the database; None keeps everything in memory.
        sinks: where alerts go.
        complain: told of errors that are ours, to be logged; must not raise.
        hub: how the hub may be asked; None: not at all.
        hang_s: how long the state may take over one call before it counts as stuck.
        opening: told what the opening of the state is about, where that may take long; called from any thread.
        note: told what is worth a line in the log and is no error.
    """

    settings: Settings
    state: bytes | None
    sinks: tuple[AlertSink, ...]
    complain: Complain
    reads_at_once: int = READS_AT_ONCE
    hub: HubAccess | None = None
    hang_s: float = 60.0
    opening: Callable[[str], None] = lambda what: None
    note: Callable[[str], None] = lambda what: None

    def complain_unless_told(self, what: str, error: BaseException | None) -> None:
        """That the state refuses is told once, by an alert, and not again by everybody who meets it."""
        if not (isinstance(error, StoreUnusable) and is_trouble(error)):
            self.complain(what, error)

    @property
    def roots(self) -> tuple[bytes, ...]:
        """Absolute paths of the roots."""
        return tuple(root.path.encode("utf-8", "surrogateescape") for root in self.settings.roots)

    @property
    def watch_modes(self) -> dict[bytes, WatchMode]:
        """How each root is to be watched."""
        return {root: settings.watch for root, settings in zip(self.roots, self.settings.roots, strict=True)}

    @property
    def stated(self) -> tuple[StatedModel, ...]:
        """The models that the configuration expects."""
        return tuple(
            StatedModel(
                m.id,
                m.path.encode("utf-8", "surrogateescape"),
                None if m.essential is None else tuple(name.encode("utf-8", "surrogateescape") for name in m.essential),
            )
            for m in self.settings.models
        )

    @property
    def sourced(self) -> tuple[Sourced, ...]:
        """The models that state a source and lie below a root."""
        refs = {m.id: source_ref.parse(m.source) for m in self.settings.models if m.source is not None}
        return tuple(
            Sourced(stated.id, stated.path, root, refs[stated.id])
            for stated in self.stated
            if stated.id in refs and (root := next((r for r in self.roots if is_at_or_below(stated.path, r)), None)) is not None
        )

    @property
    def hub_client(self) -> HubClient | None:
        """Who asks the hub; None where that is not allowed."""
        return None if self.hub is None or self.hub.is_offline else HubClient(self.hub)

    @property
    def manifests(self) -> dict[str, bytes]:
        """The manifest of each model that states one, by the model's id."""
        return {m.id: m.manifest.encode("utf-8", "surrogateescape") for m in self.settings.models if m.manifest is not None}

    @property
    def manifest_places(self) -> dict[bytes, bytes]:
        """The path of each model that states a manifest, by where the manifest may lie."""
        paths = {stated.id: stated.path for stated in self.stated}
        return {place: paths[m] for m, manifest in self.manifests.items() for place in manifest_places(paths[m], manifest)}
