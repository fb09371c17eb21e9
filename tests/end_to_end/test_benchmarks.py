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
    head, *rows, last = run("followed_download", "--megabytes", "20", "--rate", "20", "--runs", "1")
    assert head.split()[-1] == "proof"
    assert [row.split()[:2] for row in rows] == [["followed", "1"], ["read", "1"]]
    assert all(float(figure) > 0 for row in rows for figure in row.split()[2:5])
    assert last.startswith("ratio ")


def test_new_files_counts_transactions() -> None:
    head, *rows = run("new_files", "--files", "20")
    assert head.split()[:3] == ["new", "files", "files"]
    assert [row.split()[:2] for row in rows] == [["singles", "20"], ["folders", "20"]]


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


def test_status_latency_measures_one_and_many() -> None:
    head, *rows = run("status_latency", "--asks", "50", "--megabytes", "16", "--multitude", "50")
    assert head.split()[-4:] == ["asks", "p50", "p99", "max"]
    assert [row.split()[-4] for row in rows] == ["50"] * 4 + ["120"] * 2
    assert all(float(figure) > 0 for row in rows for figure in row.split()[-3:])


def test_disk_reading_is_held_against_raw_reads_and_hashes_in_memory() -> None:
    head, *rows, last = run("disk_reading", "--megabytes", "8", "--runs", "2")
    assert head.split() == ["MB/s", "best", "spread", "ratio", "best", "cpu", "s/GB", "cached", "MB"]
    ours = {row[:22].strip(): row[22:].split() for row in rows}
    for name in ("raw", "scrub", "scrub, 2 files", "first read", "first read, 2 files"):
        assert float(ours[name][0]) > 0
        assert float(ours[name][-1]) == 0, "nothing of it stayed in the page cache"
    assert last.startswith("a file of 4 KiB: ")
