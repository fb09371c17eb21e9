"""Stated models of which nothing is there: no file of theirs can be judged, so nobody else would raise the alarm."""

from __future__ import annotations

from wan_healthd.domain.alerts import CORRUPTION_FOUND, FINDING_CLEARED
from wan_healthd.domain.catalogue import MODEL_MISSING
from wan_healthd.domain.findings import Finding
from wan_healthd.domain.paths import printable
from wan_healthd.services.alert import Alerter
from wan_healthd.store import models
from wan_healthd.store.connection import Connection
from wan_healthd.store.database import Database


class Absentees:
    """Alerts once for each absent model, and again after a restart; their events are the changes of status."""

    def __init__(self, database: Database, alerter: Alerter) -> None:
        self._database = database
        self._alerter = alerter
        self._told: dict[str, Finding] = {}

    async def tell(self) -> None:
        """Look at the verdicts as they stand, and tell what is new since the last time."""
        absent = await self._database.read(_absent)
        for model_id, finding in absent.items():
            if model_id not in self._told:
                told = f"{printable(model_id)}: {finding.message}"
                self._alerter.tell(CORRUPTION_FOUND, told, model_id=model_id, finding=finding)
        for model_id, finding in self._told.items():
            if model_id not in absent:
                told = f"{printable(model_id)}: no longer: {finding.message}"
                self._alerter.tell(FINDING_CLEARED, told, model_id=model_id, finding=finding)
        self._told = absent


def _absent(connection: Connection) -> dict[str, Finding]:
    """The finding of each absent model, by its id."""
    results = [record.result for record in models.everything(connection) if record.model.stated and record.result is not None]
    return {r.model_id: item for r in results for item in r.issues if item.code == MODEL_MISSING.code}
