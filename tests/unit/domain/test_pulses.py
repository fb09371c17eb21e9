"""What pulses amount to."""

from __future__ import annotations

from wan_healthd.domain.pulses import Pulse, Signs, signs

WRITER = Pulse("the writer", 0.0, 60.0)


def test_all_is_well_where_nothing_is_silent_for_too_long() -> None:
    found = signs([WRITER, Pulse("the queue", 900.0, 900.0)])
    assert (found, found.is_alive, str(found)) == (Signs(), True, "")


def test_one_that_hangs_is_no_life() -> None:
    queue = Pulse("the queue", 900.1, 900.0)
    found = signs([WRITER, queue])
    assert (found.stuck, found.is_alive) == ((queue,), False)
    assert str(found) == "the queue has not got on for 900 s"


def test_one_that_somebody_sees_to_is_no_reason_to_start_anew() -> None:
    assert signs([Pulse("the worker", 99.0, 30.0, is_vital=False)]).is_alive


def test_a_fault_counts_at_once_and_once() -> None:
    dead = Pulse("the writer", 99.0, 60.0, fault="its thread ended")
    found = signs([dead])
    assert (found.broken, found.stuck, found.is_alive) == ((dead,), (), False)
    assert str(found) == "the writer: its thread ended"
