"""File systems of which inotify does not tell every change, so that they have to be polled."""

from __future__ import annotations

import os
from collections.abc import Sequence

from wan_healthd.domain.paths import is_at_or_below
from wan_healthd.domain.watching import Eventless
from wan_healthd.host.mounts import Mount

_OTHER_MACHINES = "what other machines change makes no events here"
_SERVER = "what its server changes by itself makes no events here"
_LAYERS = "what is changed in the layers below it makes no events here"
_HOST = "what the host changes makes no events here"

WHY_EVENTLESS = {
    **dict.fromkeys(("nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "coda", "ceph", "lustre", "glusterfs"), _OTHER_MACHINES),
    **dict.fromkeys(("gfs2", "ocfs2", "orangefs", "pvfs2", "gpfs", "beegfs"), _OTHER_MACHINES),
    **dict.fromkeys(("9p", "virtiofs", "vboxsf", "vmhgfs", "prl_fs", "drvfs"), _HOST),
    **dict.fromkeys(("overlay", "aufs", "unionfs", "ecryptfs"), _LAYERS),
    "fuse": _SERVER,
}
"""By the type in the mount table. "fuse" stands for all "fuse.…"; "fuseblk" is a local disk that only this kernel changes."""


def why_eventless(kind: str) -> str | None:
    """Why a file system of this type has to be polled; None if every change of it is told."""
    return WHY_EVENTLESS.get("fuse" if kind.startswith("fuse.") else kind)


def eventless_folders(root: bytes, real_root: bytes, table: Sequence[Mount]) -> tuple[Eventless, ...]:
    """The root if it is on such a file system, and the mount points below it that are; told by the path below `root`."""
    at_points = {os.fsencode(mount.point): mount for mount in table}  # of mounts stacked on one point the last one shows
    above = [point for point in at_points if is_at_or_below(real_root, point)]
    below = [point for point in at_points if point != real_root and is_at_or_below(point, real_root)]
    places = [(root, at_points[max(above, key=len)])] if above else []
    places += [(root.rstrip(b"/") + point[len(real_root.rstrip(b"/")) :], at_points[point]) for point in sorted(below)]
    found = ((path, mount.kind, why_eventless(mount.kind)) for path, mount in places)
    return tuple(Eventless(path, kind, why) for path, kind, why in found if why is not None)
