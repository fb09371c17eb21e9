"""A mount point that is removed when it is unmounted, as desktops do with /media/USER/DISK: its files are not missing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.fakes.safetensors_files import sample
from tests.support.control import Control
from tests.support.namespaces import MountedHome
from tests.support.unprivileged import Unprivileged

RARELY = '[sweep]\nincremental_every = "30d"\nfull_every = "30d"\npoll_every = "30d"\n'
SOUND = sample(1, 50_000, 6)

pytestmark = pytest.mark.unprivileged


@pytest.fixture
def home(unprivileged: Unprivileged) -> MountedHome:
    folder = unprivileged.folder / "home"
    folder.mkdir()
    made = MountedHome(folder, unprivileged)
    made.configure([made.models], RARELY)
    return made


def plug_in(home: MountedHome, disk: Path) -> None:
    """A disk with two models, which is all there at once: it is filled elsewhere."""
    elsewhere, source = home.folder / "elsewhere", home.folder / "source"
    source.write_bytes(SOUND)
    home.inside("install", "-d", elsewhere, disk)
    home.inside("mount", "-t", "tmpfs", "-o", f"uid={home.uid},mode=755", "disk", elsewhere)
    for name in ("one", "two"):
        home.inside("install", "-D", "-m", "0644", source, elsewhere / name / "w.safetensors")
    home.inside("mount", "--move", elsewhere, disk)


def lost_places(control: Control, since: int) -> set[str]:
    """What is out of reach in the end. Sweeps of the folders below that are under way may say so before that of the whole."""
    lost: set[str] = set()
    for event in control.events(since):
        if event["kind"].startswith("root-"):
            place = re.search(r"the folder (\S+?)(?:: | can )", event["message"])
            assert place is not None, event
            (lost.add if event["kind"] == "root-lost" else lost.remove)(place[1])
    return lost


def test_a_mount_point_that_went_with_its_mount(home: MountedHome) -> None:
    disk, aside = home.models / "disk", home.folder / "aside"
    home.put("local/w.safetensors", SOUND)
    with home.running() as daemon:
        control = daemon.control
        plug_in(home, disk)
        control.await_status("disk/one", "healthy")
        control.await_status("disk/two", "healthy")
        since = control.last_event()
        home.inside("umount", "-l", disk)
        home.inside("rmdir", disk)
        control.await_status("disk/one", "unknown")
        (finding,) = control.model("disk/one")["issues"]
        assert (finding["code"], "not mounted" in finding["message"]) == ("root-unreachable", True)
        control.check("disk/two", full=True)
        control.await_status("disk/two", "unknown")
        assert control.model("local")["health_status"] == "healthy"
        assert lost_places(control, since) == {str(disk)}
        plug_in(home, disk)
        control.await_status("disk/one", "healthy")
        control.await_status("disk/two", "healthy")
        assert lost_places(control, since) == set()
        assert not [event for event in control.events(since) if "missing" in event["message"]]

        home.inside("install", "-d", aside)
        home.inside("mount", "--bind", disk, aside)
        home.inside("sh", "-c", f"umount -l {disk} && rmdir {disk}")
        control.await_status("disk/one", "missing")
        assert lost_places(control, since) == set(), "it is still mounted: its files are not where they should be"
