"""Trees that were looked up, and lookups that failed."""

from __future__ import annotations

from datetime import UTC, datetime

from wan_healthd.domain.evidence import HubSilence
from wan_healthd.store import hub
from wan_healthd.store.connection import Connection
from wan_healthd.store.hub import TreeRecord

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ONE = TreeRecord("a", "hf:o/a", "o/a", "1" * 40, b"{}")
OTHER = TreeRecord("a", "hf:o/a@dev", "o/a", "2" * 40, b"{1}")
SECOND = TreeRecord("b", "hf:o/b", "o/b", "3" * 40, b"{2}")


def test_a_model_has_one_tree(connection: Connection) -> None:
    for record in (ONE, SECOND, OTHER):
        hub.pin(connection, record, NOW)
    assert hub.pins(connection) == (OTHER, SECOND)
    hub.unpin(connection, ["a"])
    assert hub.pins(connection) == (SECOND,)


def test_a_tree_is_unheard_until_it_is_heard_and_again_once_it_is_another(connection: Connection) -> None:
    hub.pin(connection, ONE, NOW)
    hub.pin(connection, SECOND, NOW)
    assert hub.unheard(connection) == ("a", "b")
    hub.heard(connection, "a")
    assert hub.unheard(connection) == ("b",)
    hub.pin(connection, OTHER, NOW)
    assert hub.unheard(connection) == ("a", "b")


def test_a_silence_lasts_until_the_hub_speaks(connection: Connection) -> None:
    assert hub.silence(connection, "a") is None
    hub.fell_silent(connection, "a", HubSilence("what", "cure"))
    hub.fell_silent(connection, "a", HubSilence("why", "cure"))
    assert hub.silence(connection, "a") == HubSilence("why", "cure")
    assert hub.silences(connection) == ("a",)
    hub.spoke(connection, "a")
    assert hub.silences(connection) == ()
