"""The benchmarks run; what they measure is for people to judge."""

from __future__ import annotations

import subprocess
import sys

from tests.support.unprivileged import CHECKOUT


def run(benchmark: str, *options: str) -> list[str]:
    """What it prints."""
    done = subprocess.run(
        [sys.executable, "-m", f"tests.benchmarks.{benchmark}", *options],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
        cwd=CHECKOUT,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def test_close_to_verdict_measures_both_kinds() -> None:
    head, *rows = run("close_to_verdict", "--runs", "2")
    assert head.split()[-4:] == ["runs", "p50", "p99", "max"]
    assert [row.split()[:2] for row in rows] == [["truncated", "2"], ["flipped", "2"]]
    assert all(float(figure) > 0 for row in rows for figure in row.split()[2:])


def test_followed_download_is_held_against_a_read() -> None:
    head, *rows, verdict, whole, calls = run("followed_download", "--megabytes", "20", "--rate", "20", "--runs", "1")
    assert head.split()[-1] == "proof"
    assert [row.split()[:2] for row in rows] == [["followed", "1"], ["read", "1"], ["alone", "1"]]
    assert all(float(figure) > 0 for row in rows[:2] for figure in row.split()[2:5])
    assert [line.partition(":")[0].split()[-3:] for line in (verdict, whole, calls)] == [
        ["followed", "/", "read"],
        *[["followed", "/", "alone"]] * 2,
    ]


def test_real_download_is_held_against_a_read() -> None:
    head, *rows, verdict, client = run("real_download", "--megabytes", "20", "--runs", "1")
    assert head.split()[-1] == "proof"
    assert [row.split()[:2] for row in rows] == [["followed", "1"], ["read", "1"], ["unwatched", "1"]]
    assert all(float(row.split()[2]) > 0 for row in rows)
    assert (verdict.split(":")[0], client.split(":")[0]) == (
        "verdict, followed / read",
        "speed of the client, followed / unwatched",
    )


def test_neighbours_are_held_against_themselves_alone() -> None:
    options = ("--megabytes", "8", "--passes", "1", "--seconds", "0.2", "--modes", "polite")
    head, *rows = run("neighbour", *options)
    assert head.split()[-2:] == ["sweep", "MB/s"]
    kinds = ["mapped, polite", "direct, polite", "numpy, polite"]
    assert [row[:22].strip() for row in rows] == kinds
    assert all(float(row[22:].split()[1]) > 0 for row in rows)


def test_new_files_counts_transactions() -> None:
    head, *rows = run("new_files", "--files", "20")
    assert head.split()[:3] == ["small", "files", "files"]
    kinds = [[kind, when, "20"] for kind in ("singles,", "folders,") for when in ("new", "again")]
    assert [row.split()[:3] for row in rows] == kinds


def test_unchanged_sweep_is_held_against_find() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.unchanged_sweep", "--files", "100", "--runs", "2", "--fill"],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
        cwd=CHECKOUT,
    )
    assert (done.returncode, done.stderr) == (0, "")
    first, head, *rows, last = done.stdout.splitlines()
    assert first.startswith("first sweep of 100 files: ")
    assert head.split() == ["s", "us/file", "cpu", "us/file"]
    assert [row.split()[0] for row in rows] == ["find", "sweep"]
    assert last.startswith("ratio ")


def test_idle_tells_what_a_daemon_costs_that_has_nothing_to_do() -> None:
    ready, daemon, worker, processor = run("idle", "--starts", "1", "--seconds", "0.1", "--lull", "0", "--fill")
    assert ready.startswith("start to READY ")
    assert float(daemon.split()[2]) > 0
    assert worker.startswith("worker's RSS ")
    assert 0 <= float(processor.split()[1].rstrip("%")) <= 800


def test_status_latency_measures_one_and_many() -> None:
    head, *rows = run("status_latency", "--asks", "50", "--megabytes", "16", "--multitude", "50")
    assert head.split()[-4:] == ["asks", "p50", "p99", "max"]
    assert [row.split()[-4] for row in rows] == ["50"] * 4 + ["120"] * 2
    assert all(float(figure) > 0 for row in rows for figure in row.split()[-3:])


def test_disk_reading_is_held_against_raw_reads_and_hashes_in_memory() -> None:
    head, *told, last = run("disk_reading", "--megabytes", "8", "--runs", "2")
    rows = [row for row in told if not row.startswith("not installed: ")]
    assert head.split() == ["MB/s", "best", "spread", "ratio", "best", "cpu", "s/GB", "cached", "MB", "hot"]
    ours = {row[:22].strip(): row[22:].split() for row in rows}
    for name in ("raw", "scrub", "scrub, 2 files", "first read", "first read, 2 files"):
        assert float(ours[name][0]) > 0
        assert float(ours[name][-3]) == 0, "nothing of it stayed in the page cache"
        assert ours[name][-2:] == ["100", "%"], "and all of another file did"
    assert last.startswith("a file of 4 KiB: ")


def test_format_verdict_is_held_against_the_loader() -> None:
    head, *rows = run("format_verdict", "--tensors", "30", "40", "--runs", "2")
    assert head.split()[-6:] == ["by", "ms", "best", "spread", "ratio", "best"]
    formats = {"safetensors": ["safe_open", "our", "through"], "gguf": ["our", "through"]}
    expected = [[name, count, by] for name, whom in formats.items() for count in ("30", "40") for by in whom]
    assert [row.split()[:3] for row in rows] == expected


def test_event_storm_misses_nothing() -> None:
    burst, rest, missed, most, status = run("event_storm", "--files", "100")
    assert burst.startswith("burst: 100 files made")
    assert " s later: 75 files in " in rest
    assert missed == "missed: 0; stale: 0"
    assert most.startswith("at most: ") and status.startswith("status, asked ")


def test_peers_are_asked_the_same_as_we_are() -> None:
    said = run("peers", "--megabytes", "4", "--runs", "1", "--only", "wan-healthd scan", "sha256sum")
    told = [line for line in said if not line.startswith(("not installed: ", "not tried: "))]
    assert [row[:22].strip() for row in told[1:4]] == ["raw", "wan-healthd scan", "sha256sum"]
    ours, theirs = told[5:]
    assert ours.removeprefix("wan-healthd scan").split()[:3] == ["silent", "alarm", "alarm"]
    assert theirs.removeprefix("sha256sum").split()[:3] == ["silent", "alarm", "alarm"]
