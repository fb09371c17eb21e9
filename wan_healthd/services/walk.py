"""A walk under way: where it was, and what it missed there."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from wan_healthd.layouts.registry import StatedModel
from wan_healthd.services.leftovers import Trail
from wan_healthd.services.orders import Findings, Order
from wan_healthd.services.queue import Ticket
from wan_healthd.services.sources import Tale
from wan_healthd.store.folders import Settled


class Walk(Struct):
    """One sweep: what it was ordered to do, where it has been, and what it missed there.

    `needed` was missed and enqueued; `kept` may have been missed before, but could not be looked for now. `lost` are the places
    that were out of reach before, `unmounted` the bare mount points that were met. `stated` is what was known of the stated
    models and of their sources when it began, `epoch` a digest of that. `unsettled` are the folders that have to be visited
    whatever they look like, `settled` those with nothing to do that are not recorded yet. `tale` is None where nobody compares
    sources, since everything is judged anyway.
    """

    root: bytes
    order: Order
    ticket: Ticket
    lost: frozenset[bytes]
    stated: Sequence[StatedModel]
    epoch: bytes
    unsettled: frozenset[bytes]
    found: Findings
    trail: Trail
    tale: Tale | None
    visited: set[bytes]
    needed: set[bytes]
    kept: set[bytes]
    unmounted: set[bytes]
    companions: dict[bytes, bool]
    settled: list[Settled]
