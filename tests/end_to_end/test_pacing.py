"""Sweeps that keep to a rate, by the daemon's own counters, and what people see of those that wait."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack
from datetime import datetime, timedelta

from tests.support.control import Control, Document, until
from tests.support.daemons import Home
from tests.support.neighbours import neighbour

MB = 1_000_000
RATE = 8 * MB
SIZE = 32 << 20
NOT_OWED = 12 << 20
"""What may be read at once: the first chunk, and generously what the bucket saves up."""


def shown(control: Control) -> Document | None:
    """What sweeps make way for."""
    found: Document | None = control.status()["yielding"]
    return found


def test_a_sweep_keeps_to_its_rate_and_it_is_told_where_that_is_too_slow(home: Home) -> None:
    blob = home.put("m/blob.bin", os.urandom(SIZE))
    os.utime(blob, (1, 1))
    home.configure([home.models], f'[sweep]\nmax_rate = "{RATE // MB}MB/s"\nfull_every = "1s"\nexposure_goal = "1d"\n')
    began_s = time.monotonic()
    with home.running() as daemon:
        until(lambda: next((row for row in home.control.status()["models"] if row["status"] == "healthy"), None), "it was read")
        took_s = time.monotonic() - began_s
        assert home.control.status()["activity"]["bytes_read"] >= SIZE
        assert took_s >= (SIZE - NOT_OWED) / RATE
        issue = until(lambda: next(iter(home.control.status()["issues"]), None), "the budget was looked at")
        assert issue["code"] == "sweeps-too-slow"
        assert "33.6 MB take 33.6 MB/s, and sweeps may read 8.0 MB/s" in home.healthctl("status").stdout
        daemon.await_alerts("sweeps-too-slow")


def test_sweeps_are_polite_unless_told_otherwise(home: Home) -> None:
    """Others compute, in earnest; on a busy machine others may use its disk as well."""
    blob = home.put("m/blob.bin", os.urandom(2 * SIZE))
    os.utime(blob, (1, 1))
    home.configure([home.models], f'[sweep]\nmax_rate = "{RATE // MB}MB/s"\n')
    others = home.config.with_name("conf.d") / "disk.toml"
    others.write_text(others.read_text().replace('mode = "full"', ""))
    with home.running(), ExitStack() as stack:
        for _ in range(os.cpu_count() or 1):
            stack.enter_context(neighbour("spin", "60"))
        found = until(lambda: shown(home.control), "it makes way")
        assert found["reason"] in ("busy-processor", "busy-disk")
        assert (found["rate_bytes_per_s"], found["until"], found["what"]) == (RATE, None, "")
        assert "sweeps go on slowly (8.0 MB/s): others use the" in home.healthctl("status").stdout


def test_a_sweep_waits_for_a_generation_in_every_mode(home: Home) -> None:
    home.put("m/blob.bin", os.urandom(4 << 20))
    with home.running():
        control = home.control
        until(lambda: next((row for row in control.status()["models"] if row["status"] == "healthy"), None), "it was read")
        announced = control.post("/v1/generations/start", {"model": "Wan2.2-T2V-A14B"})["generation"]
        found = until(lambda: shown(control), "it makes way")
        who = f"uid {os.geteuid()}: Wan2.2-T2V-A14B"
        assert (found["reason"], found["what"], found["until"]) == ("generation", who, announced["expires_at"])
        read = control.status()["activity"]["bytes_read"]
        job = control.post("/v1/sweeps", {"full": True})["job"]
        until(lambda: control.status()["activity"]["reading"] or None, "a sweep wants to read")
        assert f"sweeps wait: a generation runs ({who}), until" in home.healthctl("sweep").stdout
        assert control.status()["activity"]["bytes_read"] == read
        control.post(f"/v1/generations/{announced['id']}/end", {})
        assert control.await_end(job["id"])["state"] == "done"
        assert control.status()["activity"]["bytes_read"] == read + (4 << 20)


def test_quiet_hours_are_shown_and_can_be_lifted(home: Home) -> None:
    now = datetime.now().astimezone()
    begin, end = now - timedelta(hours=2), now + timedelta(hours=2)
    home.put("m/blob.bin", b"bytes")
    home.configure([home.models], f'[sweep]\nquiet_hours = ["{begin:%H:%M}-{end:%H:%M}"]\n')
    with home.running():
        found = until(lambda: shown(home.control), "it keeps quiet")
        assert (found["reason"], found["rate_bytes_per_s"]) == ("quiet-hours", 0)
        assert f"sweeps wait: quiet hours until {end:%H:%M}" in home.healthctl("status").stdout
        assert f"sweeps wait: quiet hours until {end:%H:%M}" in home.healthctl("sweep").stdout
        assert home.control.status()["models"] == []
        home.configure([home.models])
        assert home.healthctl("reload", "--wait").returncode == 0
        until(lambda: home.control.status()["models"] or None, "the sweep that waited has run")
        assert shown(home.control) is None
