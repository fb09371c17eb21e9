"""The real Files under a user without rights, on real file systems, and in a hurry."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from tests.support.unprivileged import Unprivileged
from wan_healthd.domain.files import Presence
from wan_healthd.host.files import LocalFiles

LOOK_AROUND = """
import json, os, sys
from wan_healthd.host.files import LocalFiles
from msgspec import to_builtins

files, root = LocalFiles(), os.fsencode(sys.argv[1])
print(json.dumps({
    "look": to_builtins(files.look(root, root + b"/closed")),
    "open": to_builtins(files.open(root, root + b"/closed")),
    "link": to_builtins(files.open(root, root + b"/link")),
    "behind": to_builtins(files.look(root, root + b"/locked/file")),
    "locked": to_builtins(files.list_folder(root, root + b"/locked").errno_name),
    "readable": [to_builtins(entry.look) for entry in files.list_folder(root, root + b"/readable").entries],
}))
"""


@pytest.mark.unprivileged
def test_what_mode_and_owner_forbid_is_told_with_what_is_known(unprivileged: Unprivileged) -> None:
    root = unprivileged.folder / "root"
    for name in ("closed", "locked/file", "readable/file"):
        (root / name).parent.mkdir(exist_ok=True, parents=True)
        (root / name).write_bytes(b"12345")
    (root / "link").symlink_to("closed")
    unprivileged.give(root)
    (root / "closed").chmod(0)
    (root / "locked").chmod(0)
    (root / "readable").chmod(0o444)
    done = unprivileged.run([unprivileged.python, "-c", LOOK_AROUND, str(root)])
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert (seen["look"]["presence"], seen["look"]["mode"]["mode"]) == ("file", 0)
    assert seen["open"]["descriptor"] is None
    refused = seen["open"]["look"]
    assert (refused["presence"], refused["errno_name"]) == ("forbidden", "EACCES")
    assert (refused["identity"], refused["mode"]) == (seen["look"]["identity"], seen["look"]["mode"])
    assert seen["link"]["look"] == {**refused, "is_link": True}
    assert (seen["behind"]["presence"], seen["behind"]["identity"]) == ("forbidden", None)
    assert seen["locked"] == "EACCES"
    assert [(look["presence"], look["errno_name"]) for look in seen["readable"]] == [("forbidden", "EACCES")]


def test_entries_on_another_file_system_are_named_by_their_own() -> None:
    files = LocalFiles()
    try:
        shm = next(entry.look for entry in files.list_folder(b"/dev", b"/dev").entries if entry.name == b"shm")
        assert shm == files.look(b"/dev/shm", b"/dev/shm")
        assert shm.identity is not None
        folder = files.look(b"/dev", b"/dev").identity
        assert folder is not None and folder.filesystem != shm.identity.filesystem
    finally:
        files.close()


def test_ten_thousand_entries_take_a_moment(tmp_path: Path) -> None:
    for number in range(10_000):
        os.close(os.open(tmp_path / f"{number}", os.O_CREAT | os.O_WRONLY))
    files = LocalFiles()
    root = os.fsencode(tmp_path)
    try:
        begin = time.perf_counter()
        listing = files.list_folder(root, root)
        took = time.perf_counter() - begin
    finally:
        files.close()
    assert len(listing.entries) == 10_000
    assert all(entry.look.presence is Presence.FILE for entry in listing.entries)
    assert took < 1.0  # 0.05 s when nobody else uses the machine
