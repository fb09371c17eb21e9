"""Writes the package's control files: fields, digests, configuration files, the maintainer scripts."""

from __future__ import annotations

import hashlib
import re
import textwrap
from email.utils import formatdate
from itertools import pairwise
from pathlib import Path
from typing import Any

from tree import put
from wheels import PYTHONS

ENTRY = """\
wan-healthd ({version}) unstable; urgency=medium

{lines}

 -- {maintainer}  {date}
"""
POINT: dict[str, Any] = {"initial_indent": "  * ", "subsequent_indent": "    ", "break_on_hyphens": False}
SCRIPTS = ("postinst", "prerm", "postrm")

FIELDS = """\
Package: wan-healthd
Version: {version}
Section: admin
Priority: optional
Architecture: {arch}
Maintainer: {maintainer}
Installed-Size: {kibibytes}
Depends: {depends}
Suggests: libnvidia-ml1
Description: watches WAN2.2 model files and says exactly what is broken
 wan-healthd is a service that reads the files of WAN2.2 models from the disk,
 keeps watching them, and says which file, block and tensor is damaged, why,
 and what to do. What it finds is told in the journal, on a local socket, and
 by the command healthctl.
 .
 The Python modules that it needs are inside of this package, apart from those
 of the system.
"""


def depends() -> str:
    """What must be installed. Extension modules serve exactly the Pythons that they were built for."""
    lowest, highest = PYTHONS[0], PYTHONS[-1]
    between = [f"python3 (<< {_next(earlier)}) | python3 (>= {later})" for earlier, later in pairwise(PYTHONS)]
    pythons = [f"python3 (>= {lowest})", *between, f"python3 (<< {_next(highest)})"]
    return ", ".join([*pythons, "libc6 (>= 2.28)", "libgcc-s1", "libstdc++6", "systemd (>= 252)", "tzdata"])


def write(root: Path, scripts: Path, version: str, arch: str, maintainer: str) -> None:
    """Fill `root`/DEBIAN; everything else must be in its place."""
    files = sorted(path for path in root.rglob("*") if path.is_file())
    kibibytes = sum(-(-path.stat().st_size // 1024) for path in files) + sum(1 for path in root.rglob("*") if path.is_dir())
    names = {path: path.relative_to(root).as_posix() for path in files}
    sums = "".join(f"{hashlib.md5(path.read_bytes()).hexdigest()}  {name}\n" for path, name in names.items())
    configuration = "".join(f"/{name}\n" for name in names.values() if name.startswith("etc/"))
    fields = FIELDS.format(version=version, arch=arch, maintainer=maintainer, kibibytes=kibibytes, depends=depends())
    for name, content in {"control": fields, "md5sums": sums, "conffiles": configuration}.items():
        put(root / "DEBIAN" / name, content.encode())
    for name in SCRIPTS:
        put(root / "DEBIAN" / name, (scripts / name).read_bytes(), mode=0o755)


def changelog(markdown: str, maintainer: str, epoch: int) -> str:
    """The project's list of changes as Debian's tools want it: an entry for each version, a point for each point."""
    entries = []
    for section in re.split(r"(?m)^## ", markdown)[1:]:
        version = re.match(r"\[(.+?)\]", section)
        points = re.findall(r"(?ms)^- (.*?)(?=^- |^#|\Z)", section)
        if version is None or not points:
            continue
        lines = "\n".join(textwrap.fill(" ".join(point.split()), 78, **POINT) for point in points)
        entries.append(ENTRY.format(version=version[1], lines=lines, maintainer=maintainer, date=formatdate(epoch)))
    return "\n".join(entries)


def _next(python: str) -> str:
    major, minor = python.split(".")
    return f"{major}.{int(minor) + 1}"
