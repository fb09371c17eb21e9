"""A source that was written while no daemon ran: the first sweep of the next one hears it, and reads nothing for it."""

from __future__ import annotations

from tests.fakes.safetensors_files import sample
from tests.support.daemons import Home, RunningDaemon

NAME = "org/flux/a.safetensors"
MODEL = "org/flux"
WRONG = "0" * 63 + "1"


def swept(daemon: RunningDaemon) -> None:
    """A sweep of all roots, from beginning to end."""
    daemon.control.result_of(daemon.control.post("/v1/sweeps", {})["job"]["id"])


def test_a_list_written_while_the_daemon_was_stopped(home: Home) -> None:
    home.put(NAME, sample(1, 3_000_000, 12))
    with home.running() as daemon:
        daemon.control.await_status(MODEL, "healthy")
        swept(daemon)
    (home.models / "SHA256SUMS").write_text(f"{WRONG}  {NAME}\n")
    with home.running() as daemon:
        swept(daemon)
        (issue,) = daemon.control.await_status(MODEL, "corrupted")["issues"]
        assert issue["corruption_type"] == "checksum_mismatch"
        assert daemon.control.status()["activity"]["bytes_read"] == 0
    with home.running() as daemon:  # what was heard is on record, and what was found is no news
        swept(daemon)
        assert [event["kind"] for event in daemon.control.events()].count("finding-opened") == 1
        assert daemon.control.status()["activity"]["bytes_read"] == 0
    (home.models / "SHA256SUMS").unlink()
    with home.running() as daemon:
        swept(daemon)
        daemon.control.await_status(MODEL, "healthy")
        assert daemon.control.status()["activity"]["bytes_read"] == 0
