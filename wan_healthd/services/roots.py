"""Roots that cannot be looked at: told once when lost, once when back; their models are UNKNOWN, not missing."""

from __future__ import annotations

from datetime import datetime

from wan_healthd.checks.root_reach import root_finding
from wan_healthd.domain.alerts import ROOT_LOST, ROOT_RETURNED
from wan_healthd.domain.events import EventKind, NewEvent
from wan_healthd.domain.paths import display
from wan_healthd.domain.ports import Clock
from wan_healthd.services.alert import Alerter
from wan_healthd.services.feed import Feed
from wan_healthd.services.verdicts import refresh
from wan_healthd.store import events, models, roots
from wan_healthd.store.connection import Connection
from wan_healthd.store.database import Database


class RootKeeper:
    """Records losses and returns, and has the models below judged anew."""

    def __init__(self, database: Database, clock: Clock, alerter: Alerter, feed: Feed) -> None:
        self._database = database
        self._clock = clock
        self._alerter = alerter
        self._feed = feed

    async def lost(self, root: bytes, errno_name: str) -> None:
        """`root` cannot be listed; news only the first time."""
        now = self._clock.now()
        finding = root_finding(root, errno_name)
        event = NewEvent(now, EventKind.ROOT_LOST, finding.message, path=display(root), finding=finding)

        def record(connection: Connection) -> bool:
            return roots.lose(connection, root, errno_name, now) and _tell(connection, root, event, now)

        if await self._database.write(record):
            self._feed.stirred()
            self._alerter.tell(ROOT_LOST, finding.message, finding=finding)

    async def returned(self, root: bytes) -> None:
        """`root` can be listed; news only after a loss."""
        if root not in await self._database.read(roots.lost):
            return
        now = self._clock.now()
        told = f"the folder {display(root)} can be looked at again"
        event = NewEvent(now, EventKind.ROOT_RETURNED, told, path=display(root))

        def record(connection: Connection) -> bool:
            return roots.regain(connection, root) and _tell(connection, root, event, now)

        if await self._database.write(record):
            self._feed.stirred()
            self._alerter.tell(ROOT_RETURNED, told)


def _tell(connection: Connection, root: bytes, event: NewEvent, now: datetime) -> bool:
    events.append(connection, [event])
    for known in models.everything(connection):
        if known.model.root == root:
            refresh(connection, known.model.id, now, finished=False)
    return True
