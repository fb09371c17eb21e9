"""Roots, and bare mount points below them: told once when lost, once when back; their models are UNKNOWN, not missing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from wan_healthd.checks.root_reach import root_finding
from wan_healthd.domain.alerts import ROOT_LOST
from wan_healthd.domain.paths import display, overlap
from wan_healthd.domain.ports import Clock
from wan_healthd.services.alert import Alerter
from wan_healthd.services.conditions import Condition, begin, end
from wan_healthd.services.feed import Feed
from wan_healthd.services.verdicts import refresh, refresh_companioned
from wan_healthd.store import models, roots
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
        shown = display(root)
        condition = Condition(ROOT_LOST, shown, finding.message, path=shown, finding=finding)

        def record(connection: Connection) -> bool:
            is_news = roots.lose(connection, root, errno_name, now)
            begin(connection, condition, now)
            return is_news and _judge_anew(connection, root, now)

        await self._record(record)

    async def returned(self, root: bytes) -> None:
        """`root` can be listed; news only after a loss."""
        if root not in await self._database.read(roots.lost):
            return
        now = self._clock.now()
        told = f"the folder {display(root)} can be looked at again"

        def record(connection: Connection) -> bool:
            is_news = roots.regain(connection, root)
            end(connection, ROOT_LOST, display(root), told, now)
            return is_news and _judge_anew(connection, root, now)

        await self._record(record)

    async def _record(self, record: Callable[[Connection], bool]) -> None:
        if await self._database.write(record):
            self._feed.stirred()
            await self._alerter.tell_due()


def _judge_anew(connection: Connection, root: bytes, now: datetime) -> bool:
    for known in models.everything(connection):
        if known.model.root == root or overlap(known.model.path, root):
            refresh(connection, known.model.id, now, finished=False)
    refresh_companioned(connection, now)  # what they need may lie in any root
    return True
