"""A client that remembers everything it was ever told, and people who read every record in the journal."""

from __future__ import annotations

import json
from contextlib import suppress

from tests.support.besieged_tree import Slot, Tree
from tests.support.control import Control, Document
from tests.support.daemons import Home


class Witness:
    """Attributes: `events` is all that was ever read."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self.events: list[Document] = []

    def compare_damage(self, control: Control) -> None:
        """What was known of the damage is known, to the letter."""
        for slot in self._tree.slots:
            if slot.issues is not None:
                assert control.model(slot.model_id)["issues"] == slot.issues, f"{slot.model_id}: damage was forgotten"

    def read_all(self, control: Control) -> None:
        """Read everything that there is to read, and compare it with all that was ever read."""
        events = control.events()
        assert events[: len(self.events)] == self.events, "an event was lost, changed, or its number used again"
        numbers = [event["seq"] for event in events]
        assert numbers == sorted(set(numbers))
        assert len({event["stream"] for event in events}) == 1
        self.events = events
        rows = {row["id"]: row["status"] for row in control.status()["models"]}
        for slot in self._tree.slots:
            _take_note(control, slot, rows.get(slot.model_id))

    def if_all_is_right(self, control: Control) -> Document | None:
        """The status, if nothing is left to be done and every model has the one that it must have."""
        status = control.status()
        activity = status["activity"]
        if activity["queued"] or activity["reading"] or status["sweeps"]:
            return None
        rows = {row["id"]: row["status"] for row in status["models"]}
        wrong = [slot for slot in self._tree.slots if slot.wanted not in (None, rows.get(slot.model_id))]
        return None if wrong else status


def _take_note(control: Control, slot: Slot, status: str | None) -> None:
    slot.is_known = slot.is_known or status in ("healthy", "corrupted")
    if slot.flips and status == slot.wanted:
        issues = control.model(slot.model_id)["issues"]
        if len(issues) == 1 and issues[0]["ranges"] == slot.ranges:
            slot.issues = issues


def untold(control: Control) -> list[Document]:
    """Alerts that are open, and that nobody was told of yet."""
    rows = control.get("/v1/alerts")["alerts"]
    return [row for row in rows if row["told_at"] is None and row["cleared_at"] is None and not row["folded"]]


def records_of(home: Home) -> list[Document]:
    """All alert records that any of the daemons wrote."""
    return [line for line in lines_of(home) if "WAN_EVENT" in line]


def lines_of(home: Home) -> list[Document]:
    """All that any of the daemons wrote, alerts and log; a kill may have cut a line short."""
    found: list[Document] = []
    for line in home.log.read_text().splitlines():
        if line.startswith("{"):
            with suppress(json.JSONDecodeError):
                found.append(json.loads(line))
    return found
