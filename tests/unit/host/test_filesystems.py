"""Names of file systems: from made-up tables, and from real mounts that come and go."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from wan_healthd.host.files import LocalFiles
from wan_healthd.host.filesystems import FileSystems
from wan_healthd.host.mounts import Mount, main_point, mount_of, mount_table, parse_row
from wan_healthd.host.volume_ids import uuid_of_source

CHECKOUT = Path(__file__).parents[3]
NULL = os.stat("/dev/null").st_rdev


def test_a_row_of_the_mount_table() -> None:
    row = parse_row(r"36 35 98:0 /mnt1 /mnt\040two rw,noatime master:1 shared:2 - ext3 /dev/root\134 rw,errors=continue" + "\n")
    assert row == Mount(36, "98:0", "/mnt1", "/mnt two", "ext3", "/dev/root\\")


@pytest.mark.parametrize(
    ("kind", "source", "tells"),
    [
        ("ext4", "/dev/sda1", True),
        ("nfs4", "server:/export", True),
        ("cifs", "//server/share", True),
        ("fuse.sshfs", "me@server:/home", True),
        ("zfs", "tank/models", True),
        ("tmpfs", "tmpfs", False),
        ("overlay", "overlay", False),
        ("fuse.badfs", "/dev/fuse", False),
    ],
)
def test_which_sources_tell_a_file_system_from_others(kind: str, source: str, tells: bool) -> None:
    assert Mount(1, "0:1", "/", "/mnt", kind, source).source_is_distinctive is tells


def test_all_mounts_of_one_file_system_agree_on_a_point() -> None:
    table = [
        Mount(9, "0:40", "/models", "/a", "overlay", "overlay"),
        Mount(8, "0:40", "/", "/z", "overlay", "overlay"),
        Mount(7, "0:40", "/", "/m", "overlay", "overlay"),
        Mount(6, "0:41", "/", "/b", "overlay", "overlay"),
    ]
    assert {main_point(mount, table) for mount in table[:3]} == {"/m"}


def test_the_mount_of_an_open_file() -> None:
    descriptor = os.open("/proc/version", os.O_PATH)
    try:
        mount = mount_of(descriptor, mount_table())
    finally:
        os.close(descriptor)
    assert mount is not None
    assert (mount.kind, mount.point) == ("proc", "/proc")


def test_udev_knows_the_uuid_of_a_device(tmp_path: Path) -> None:
    data = tmp_path / f"b{os.major(NULL)}:{os.minor(NULL)}"
    data.write_text("S:disk/by-id/x\nE:ID_FS_TYPE=vfat\nE:ID_FS_UUID=ABCD-1234\nE:ID_FS_UUID_ENC=no\n")
    assert uuid_of_source("/dev/null", str(tmp_path), str(tmp_path / "none")) == "ABCD-1234"


def test_the_links_by_uuid_are_asked_last(tmp_path: Path) -> None:
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "other").symlink_to("/dev/zero")
    (tmp_path / "ABCD-1234").symlink_to("/dev/null")
    assert uuid_of_source("/dev/null", str(tmp_path), str(tmp_path)) == "ABCD-1234"
    assert uuid_of_source("/dev/full", str(tmp_path), str(tmp_path)) is None


@pytest.mark.parametrize("source", ["server:/export", "/dev/no-such-device"])
def test_what_is_no_device_has_no_uuid_there(source: str, tmp_path: Path) -> None:
    assert uuid_of_source(source, str(tmp_path), str(tmp_path)) is None


def test_one_file_system_has_one_name(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    systems = FileSystems()
    names = set()
    for path, flags in ((tmp_path, os.O_RDONLY), (tmp_path, os.O_PATH), (tmp_path / "file", os.O_PATH)):
        descriptor = os.open(path, flags)
        for asked in (systems, FileSystems()):
            names.add(asked.name(descriptor, os.fstat(descriptor).st_dev))
        os.close(descriptor)
    systems.close()
    assert len(names) == 1


REMOUNT = """
import os, subprocess, sys
from wan_healthd.host.files import LocalFiles

root = os.fsencode(sys.argv[1])
files = LocalFiles()
def name():
    identity = files.look(root, root).identity
    return identity.filesystem, os.stat(root).st_dev
seen = []
for _ in range(2):
    subprocess.run(["mount", "-t", "tmpfs", "none", root], check=True)
    seen.append(name())
    assert name() == seen[-1]
    subprocess.run(["umount", root], check=True)
print(seen[0][1] == seen[1][1], seen[0][0] != seen[1][0] or seen[0][0].endswith("@" + sys.argv[1]))
"""


def test_a_device_number_that_is_given_again_has_a_new_name(tmp_path: Path) -> None:
    command = ["unshare", "--user", "--map-root-user", "--mount", sys.executable, "-c", REMOUNT, str(tmp_path)]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["True", "True"]


def test_what_files_are_on_is_mounted(tmp_path: Path) -> None:
    files = LocalFiles()
    try:
        for folder in (tmp_path, Path("/dev/shm"), Path("/")):
            identity = files.look(b"/", os.fsencode(folder)).identity
            assert identity is not None
            assert identity.filesystem in files.mounted()
        assert "uuid:nobody" not in files.mounted()
    finally:
        files.close()
