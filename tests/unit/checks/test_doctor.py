"""From facts to diagnoses: a table for each check, by what differs from a machine on which all is well."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from wan_healthd.checks.doctor import disks, gpus, outside, process, roots, state, watching, worker
from wan_healthd.checks.doctor.cures import quoted
from wan_healthd.checks.doctor.watching import Watched
from wan_healthd.domain.confinement import Confinement, Layer
from wan_healthd.domain.doctor import Diagnosis, Standing
from wan_healthd.domain.gpus import GpuFacts, GpuReading, GpuRefusal
from wan_healthd.domain.hub import HubAccess
from wan_healthd.domain.pulses import Pulse
from wan_healthd.domain.vitals import (
    ClockFacts,
    DiskFacts,
    HubReach,
    InotifyLimits,
    ProcessFacts,
    RootFacts,
    StateFacts,
    Unreadable,
)
from wan_healthd.domain.watching import Eventless, RootWatch, WatchMode

NOW = datetime(2026, 7, 1, tzinfo=UTC)
ROOT = b"/srv/models"
OK, WARNING, PROBLEM, IDLE = Standing.OK, Standing.WARNING, Standing.PROBLEM, Standing.NOT_APPLICABLE
CLOSED = Unreadable(b"/srv/models/a.pth", "max", "staff", 0o600, False)
FOLDER = Unreadable(b"/srv", "root", "root", 0o700, True)

ONE_CLOSED = {"unreadable": (CLOSED,), "unreadable_count": 1}
BLOCKED = {"errno_name": "EACCES", "blocked_at": b"/srv", "obstacle": FOLDER}
SHORT_OF_WATCHES = {"folders": 10, "gaps": (ROOT,), "unwatched": 20, "errno_name": "ENOSPC"}

PROCESS = ProcessFacts(
    pid=7,
    user="wan-healthd",
    group="wan-health",
    uid=990,
    capabilities=0,
    no_new_privileges=True,
    is_filtered=True,
    sees_all_users=True,
    is_service=True,
    installed_version="1.0",
    descriptors_limit=16384,
    descriptors_open=40,
    niceness=None,
    idle_io=None,
    cachestat=None,
    mincore=None,
    processors=None,
    kernel="6.1.0-18-amd64",
    text_encoding="utf-8",
)
DISK = DiskFacts("ext4", is_direct=True, alignment_bytes=512, device="sda", scheduler="mq-deadline", is_rotational=True)
HERE = RootFacts(ROOT, files=3, folders=1, disk=DISK)
STATE = StateFacts(
    file=b"/var/lib/wan-healthd/state.db",
    size_bytes=10 << 20,
    fault=None,
    good_copy_at=NOW - timedelta(hours=5),
    newest_event_at=NOW,
    exposed=(),
    foreign=(),
    free_bytes=10 << 30,
    free_inodes=100_000,
    is_locked=True,
)


def only(found: Iterable[Diagnosis], check: str) -> Diagnosis:
    (diagnosis,) = [item for item in found if item.check == check]
    return diagnosis


def assert_told(found: Diagnosis, verdict: Standing, *words: str) -> None:
    assert found.verdict is verdict, found
    told = f"{found.found} -> {found.cure}"
    assert [word for word in words if word not in told] == [], told
    assert found.needs_doing is bool(found.cure), "who shall do something is told what, and nobody else"
    assert told.isprintable()


@pytest.mark.parametrize(
    ("facts", "verdict", "words"),
    [
        ({}, OK, ["3 files in 2 folders can be read"]),
        ({"files": 0}, OK, ["no file is in it"]),
        ({"is_part": True, "files": 20_000}, OK, ["more than 20000 files", "the others were not tried"]),
        (ONE_CLOSED, PROBLEM, ["a.pth (max:staff 0600)", "usermod -aG staff wan-healthd"]),
        ({**ONE_CLOSED, "unreadable_count": 9}, PROBLEM, ["and 8 more", "chmod -R o+rX /srv/models", "other-users.conf"]),
        ({"errno_name": "ENOENT"}, PROBLEM, ["not there", "[[roots]]"]),
        (BLOCKED, PROBLEM, ["may not enter /srv (folder root:root 0700)", "`chmod o+x /srv`"]),
        ({"errno_name": "EACCES"}, PROBLEM, ["may not enter /srv/models", "`chmod o+rx /srv/models`"]),
        ({"errno_name": "ENOTCONN"}, PROBLEM, ["ENOTCONN", "findmnt -T /srv/models"]),
    ],
)  # fmt: skip
def test_roots(facts: dict[str, Any], verdict: Standing, words: list[str]) -> None:
    assert_told(roots.check(replace(HERE, **facts), "wan-healthd"), verdict, *words)


def test_a_root_that_does_not_answer() -> None:
    assert_told(roots.unanswered(ROOT, 8.0), PROBLEM, "within 8 s", "umount -l")


@pytest.mark.parametrize(
    ("facts", "capabilities", "verdict", "words"),
    [
        ({}, 0, IDLE, ["may not write there, lease 3 files of others", "repairs.conf"]),
        ({"owned": 3, "is_writable": True}, 0, OK, []),
        ({"is_writable": True}, 1 << 28 | 1 << 3, OK, []),
        ({"is_writable": True}, 1 << 28, IDLE, ["leave their access times alone"]),
    ],
)
def test_rights(facts: dict[str, Any], capabilities: int, verdict: Standing, words: list[str]) -> None:
    (found,) = roots.rights(replace(HERE, **facts), replace(PROCESS, capabilities=capabilities))
    assert_told(found, verdict, *words)
    assert list(roots.rights(replace(HERE, errno_name="EIO"), PROCESS)) == []


@pytest.mark.parametrize(
    ("facts", "verdict", "words"),
    [
        ({}, OK, ["O_DIRECT", "512 bytes"]),
        ({"kind": "xfs", "alignment_bytes": None}, OK, ["xfs"]),
        ({"kind": "tmpfs"}, IDLE, ["lives in memory"]),
        ({"is_direct": None}, IDLE, ["no file was there"]),
        ({"is_direct": False, "refusal": "EINVAL"}, WARNING, ["EINVAL", "ext4 or xfs"]),
        ({"alignment_bytes": 16384}, WARNING, ["16384", "lsblk"]),
        ({"kind": "btrfs", "is_compressed": True}, WARNING, ["compressed", "unproven"]),
        ({"kind": "overlay"}, WARNING, ["below it"]),
        ({"kind": "nfs4"}, WARNING, ["who answers is not known"]),
        ({"kind": ""}, WARNING, ["unknown type"]),
    ],
)
def test_direct_reading(facts: dict[str, Any], verdict: Standing, words: list[str]) -> None:
    assert_told(only(disks.check(replace(HERE, disk=replace(DISK, **facts))), "direct-reading"), verdict, *words)


@pytest.mark.parametrize(
    ("facts", "verdict", "words"),
    [
        ({}, OK, ["sda: mq-deadline"]),
        ({"scheduler": "none", "is_rotational": False}, OK, ["heeds no priorities"]),
        ({"scheduler": "none"}, WARNING, ["/sys/block/sda/queue/scheduler"]),
        ({"scheduler": None}, IDLE, []),
    ],
)
def test_scheduler(facts: dict[str, Any], verdict: Standing, words: list[str]) -> None:
    assert_told(only(disks.check(replace(HERE, disk=replace(DISK, **facts))), "io-scheduler"), verdict, *words)


def watched(*, mode: WatchMode = WatchMode.AUTO, polled: tuple[bytes, ...] = (), **report: Any) -> Watched:
    return Watched(RootWatch(ROOT, **{"folders": 100, **report}), mode, polled, 300.0)


@pytest.mark.parametrize(
    ("limits", "item", "verdict", "words"),
    [
        ((8192, 128, 16384), {}, OK, ["100 watches used, 8192 may be"]),
        ((10, 128, 16384), SHORT_OF_WATCHES, PROBLEM, ["20 folders", "sysctl -w fs.inotify.max_user_watches=524288"]),
        ((None, None, None), {}, WARNING, ["ProcSubset"]),
        ((110, 128, 16384), {}, WARNING, ["soon"]),
        ((8192, 128, 64), {}, WARNING, ["fs.inotify.max_queued_events=16384"]),
        ((8192, 1, 16384), {}, WARNING, ["fs.inotify.max_user_instances=128"]),
    ],
)  # fmt: skip
def test_inotify(
    limits: tuple[int | None, int | None, int | None], item: dict[str, Any], verdict: Standing, words: list[str]
) -> None:
    assert_told(watching.limits(InotifyLimits(*limits), [watched(**item)]), verdict, *words)


@pytest.mark.parametrize(
    ("item", "verdict", "words"),
    [
        (watched(), OK, ["100 folders are watched"]),
        (watched(folders=0), IDLE, ["not started"]),
        (watched(mode=WatchMode.POLL), OK, ["every 5 min, as configured"]),
        (watched(polled=(ROOT,), folders=0), WARNING, ["tried again by itself"]),
        (watched(gaps=(ROOT,), unwatched=3, errno_name="EACCES"), WARNING, ["3 folders", "EACCES"]),
        (watched(polled=(ROOT,), eventless=(Eventless(ROOT, "nfs4", "others change it"),)), OK, ["nfs4: others change it"]),
    ],
)
def test_watching(item: Watched, verdict: Standing, words: list[str]) -> None:
    (found,) = watching.roots([item])
    assert_told(found, verdict, *words)


@pytest.mark.parametrize(
    ("check", "facts", "verdict", "words"),
    [
        ("package", {}, OK, ["1.0, as installed"]),
        ("package", {"installed_version": "1.1"}, WARNING, ["1.0 runs, but 1.1", "systemctl restart wan-healthd"]),
        ("package", {"installed_version": None}, IDLE, []),
        ("service", {}, OK, ["confined by its unit"]),
        ("service", {"is_service": False, "is_filtered": False}, OK, ["not started by systemd"]),
        ("service", {"is_filtered": False, "uid": 0}, WARNING, ["SystemCallFilter, User not in force", "systemctl revert"]),
        ("service", {"sees_all_users": False}, PROBLEM, ["nobody", "PrivateUsers=no"]),
        ("service", {"sees_all_users": False, "is_service": False}, WARNING, ["nobody"]),
        ("descriptors", {}, OK, ["40 open, 16384 may be"]),
        ("descriptors", {"descriptors_limit": 256}, WARNING, ["LimitNOFILE="]),
        ("descriptors", {"descriptors_open": 16000}, WARNING, ["16000 open"]),
        ("priorities", {}, OK, []),
        ("priorities", {"niceness": "EPERM", "idle_io": "EPERM"}, WARNING, ["niceness (EPERM), idle I/O", "@resources"]),
        ("page-cache", {"cachestat": "ENOSYS"}, OK, ["mincore tells"]),
        ("page-cache", {"cachestat": "EPERM", "mincore": "EPERM"}, WARNING, ["mincore in SystemCallFilter="]),
        ("processors", {}, OK, []),
        ("processors", {"processors": "EACCES"}, WARNING, ["do not slow down", "ProcSubset=all"]),
        ("kernel", {}, OK, ["6.1.0"]),
        ("kernel", {"kernel": "5.4.0-1"}, WARNING, ["older than 5.6"]),
        ("kernel", {"kernel": "?"}, OK, []),
        ("locale", {"text_encoding": "ascii"}, WARNING, ["C.UTF-8"]),
    ],
)  # fmt: skip
def test_process(check: str, facts: dict[str, Any], verdict: Standing, words: list[str]) -> None:
    assert_told(only(process.check(replace(PROCESS, **facts), "1.0"), check), verdict, *words)


@pytest.mark.parametrize(
    ("check", "facts", "verdict", "words"),
    [
        ("state", {}, OK, ["sound (10.5 MB)"]),
        ("state", {"fault": "rows are missing"}, PROBLEM, ["rows are missing", "restart"]),
        ("state-copy", {}, OK, ["5 h old"]),
        ("state-copy", {"good_copy_at": None}, OK, ["no good copy yet"]),
        ("state-copy", {"good_copy_at": NOW - timedelta(days=9)}, WARNING, ["9 days", "healthctl sweep"]),
        ("state-files", {}, OK, []),
        ("state-files", {"exposed": ((b"/x/state.db", 0o644),)}, WARNING, ["/x/state.db (0644)", "chmod go= /x/state.db"]),
        ("state-files", {"foreign": (b"/x/state.db-wal",)}, PROBLEM, ["state.db-wal belongs", "chown"]),
        ("state-space", {}, OK, ["10.7 GB"]),
        ("state-space", {"free_bytes": 1 << 20}, PROBLEM, ["1.0 MB", "df -h"]),
        ("state-space", {"free_bytes": 70 << 20}, WARNING, ["too few"]),
        ("state-space", {"free_inodes": 3}, PROBLEM, ["3 inodes", "df -i"]),
        ("state-space", {"free_inodes": None}, OK, []),
        ("state-lock", {}, OK, []),
        ("state-lock", {"is_locked": False}, PROBLEM, ["second daemon"]),
    ],
)
def test_state(check: str, facts: dict[str, Any], verdict: Standing, words: list[str]) -> None:
    assert_told(only(state.check(replace(STATE, **facts), NOW), check), verdict, *words)


def test_a_root_that_nobody_names_any_more() -> None:
    (found,) = state.unwatched([(b"/old disk", 4)])
    assert_told(found, WARNING, "4 models", "--moved-root '/old disk' NEW")


@pytest.mark.parametrize(
    ("now", "synchronised", "newest", "verdict", "words"),
    [
        (NOW, True, None, OK, ["the kernel says so"]),
        (NOW, None, NOW, OK, ["cannot be told"]),
        (NOW, False, NOW, WARNING, ["set-ntp true"]),
        (NOW, True, NOW + timedelta(days=1), WARNING, ["set back"]),
        (datetime(1970, 1, 1, tzinfo=UTC), True, None, PROBLEM, ["cannot be"]),
    ],
)
def test_clock(now: datetime, synchronised: bool | None, newest: datetime | None, verdict: Standing, words: list[str]) -> None:
    assert_told(outside.clock(ClockFacts(now, synchronised, "the kernel"), newest), verdict, *words)


def test_what_is_not_there_is_no_fault() -> None:
    access = HubAccess(token="hf_secret")
    assert_told(outside.credentials(None), IDLE, "lookup = false")
    assert_told(outside.credentials(HubAccess()), IDLE, "hub.conf")
    assert_told(outside.credentials(access), OK)
    assert_told(outside.hub(None, None), IDLE)
    assert_told(outside.hub(access, None), IDLE, "--network")
    assert_told(outside.hub(replace(access, is_offline=True), None), IDLE, "HF_HUB_OFFLINE")
    assert_told(outside.hub(access, HubReach("hub", "no route")), PROBLEM, "no route", "hub.conf")
    assert_told(outside.hub(access, HubReach("hub")), OK)
    assert "hf_secret" not in repr([outside.credentials(access), outside.hub(access, HubReach("hub"))])


A100, DIVIDED, RADEON = GpuReading("A100", 97), GpuReading("H100", None), GpuReading("AMD GPU card1", 0)


@pytest.mark.parametrize(
    ("facts", "verdict", "words"),
    [
        ({}, IDLE, ["none here"]),
        (
            {"nvidia": (A100,), "driver": "550.163.01", "on_bus": ("NVIDIA",)},
            OK,
            ["A100: 97 % busy; NVIDIA's driver 550.163.01"],
        ),
        ({"nvidia": (A100,), "amd": (RADEON,), "on_bus": ("AMD", "NVIDIA")}, OK, ["A100: 97 % busy; AMD GPU card1: 0 % busy"]),
        (
            {"nvidia": (DIVIDED,), "driver": "550"},
            IDLE,
            ["H100: does not tell how busy it is; ", "`healthctl generation` announces"],
        ),
        ({"is_asleep": True}, IDLE, ["powered down"]),
        ({"refusal": GpuRefusal.HANGS}, WARNING, ["does not come back", "NVRM"]),
        ({"driver": "550"}, IDLE, ["driver 550 has no device"]),
        ({"on_bus": ("AMD", "Intel", "Intel")}, IDLE, ["AMD: does not tell", "; Intel: does not tell"]),
        ({"on_bus": ("NVIDIA",), "refusal": GpuRefusal.NO_DRIVER}, IDLE, ["not loaded"]),
        ({"refusal": GpuRefusal.CLOSED, "words": "/dev/nvidia0"}, WARNING, ["may not open /dev/nvidia0", "/gpu.conf"]),
        (
            {"refusal": GpuRefusal.NO_PERMISSION, "words": "/dev/nvidia0 of root:video"},
            WARNING,
            ["video", "SupplementaryGroups"],
        ),
        ({"refusal": GpuRefusal.NO_NODES}, WARNING, ["no device node", "nvidia-modprobe"]),
        ({"refusal": GpuRefusal.NO_MODULE, "words": "pynvml is not installed"}, WARNING, ["pynvml", "nvidia-ml-py"]),
        ({"refusal": GpuRefusal.NO_LIBRARY}, WARNING, ["libnvidia-ml.so.1", "libnvidia-ml1"]),
        (
            {"amd": (RADEON,), "refusal": GpuRefusal.MISMATCH},
            WARNING,
            ["AMD GPU card1: 0 % busy; NVIDIA cannot", "restart the machine"],
        ),
        ({"refusal": GpuRefusal.OTHER, "words": "GPU is lost {0}"}, WARNING, ["says: GPU is lost {0}", "nvidia-smi"]),
    ],
)
def test_graphics_processors(facts: dict[str, Any], verdict: Standing, words: list[str]) -> None:
    assert_told(gpus.check(GpuFacts(**facts)), verdict, *words)


def test_every_refusal_of_nvidia_s_has_its_words() -> None:
    assert {*gpus.REFUSALS, GpuRefusal.NO_DRIVER} == set(GpuRefusal)


def test_what_does_the_work() -> None:
    layers = (Layer("landlock", True, "version 4"), Layer("system-calls", False, "not on this machine"))
    assert_told(worker.check(None, None, None), IDLE)
    assert_told(worker.check(5, None, None), WARNING, "not greeted")
    assert_told(worker.check(5, 2, None), OK, "process 5 answers")
    assert_told(worker.check(5, 2, Confinement(layers[:1])), OK, "landlock confine")
    assert_told(worker.check(5, 2, Confinement(layers)), WARNING, "system-calls: not on this machine")
    fine, slow = Pulse("the queue", 0.0, 30.0), Pulse("the watcher", 99.0, 30.0, is_vital=False)
    assert_told(worker.loops([fine]), OK, "all 1 loops")
    assert_told(worker.loops([fine, slow]), WARNING, "the watcher")
    assert_told(worker.loops([fine, replace(slow, is_vital=True)]), PROBLEM, "the watcher has not got on for 99 s")


def test_a_path_reaches_a_shell_whole() -> None:
    assert [quoted(path) for path in (b"/a/b-c.d", b"/a b", b"/it's", b"/n\nl")] == [
        "/a/b-c.d",
        "'/a b'",
        "'/it'\\''s'",
        "'/n\\nl'",
    ]
