"""A small Debian as a folder, with systemd: made once by mmdebstrap, kept outside the checkout, never written to again."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

from tests.support.material import cache_folder

PACKAGES = ("dbus", "python3", "systemd", "systemd-sysv", "tzdata")
"""Beyond Debian's essential packages and apt: what a server has, and what our package depends on."""

MAKING_S = 250.0
INDEX_LINE = "$(ORIGIN)\t$(LABEL)\t$(RELEASE)\t$(REPO_URI)"


class CannotMake(Exception):
    """There is no such Debian here, and none can be made."""


class DebianRoot(NamedTuple):
    """Which Debian: its code name, and what is installed beyond the smallest that apt can work in."""

    suite: str
    packages: tuple[str, ...] = PACKAGES

    def obtain(self) -> Path:
        """The folder, made first if need be; one test run at a time makes one.

        Raises:
            CannotMake: no rights, no tool, or no Debian archive in reach.
        """
        if os.geteuid() != 0:
            raise CannotMake("only root can make a Debian")
        if shutil.which("mmdebstrap") is None:
            raise CannotMake("there is no mmdebstrap (Debian package: mmdebstrap)")
        shelf = cache_folder().with_name("wan-healthd-test-machines")
        shelf.mkdir(parents=True, exist_ok=True)
        folder = shelf / f"{self.suite}-{self._key()}"
        with (shelf / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not folder.is_dir():
                self._bootstrap(folder)
        return folder

    def _key(self) -> str:
        return hashlib.sha256(" ".join(self.packages).encode()).hexdigest()[:12]

    def _bootstrap(self, folder: Path) -> None:
        """In one step: whoever finds the folder finds all of it."""
        with tempfile.TemporaryDirectory(dir=folder.parent, ignore_cleanup_errors=True) as scratch:
            whole, options = Path(scratch) / "root", Path(scratch) / "apt.conf"
            options.write_text(acquire_options())
            command = ["mmdebstrap", "--mode=root", "--variant=minbase", f"--include={','.join(self.packages)}"]
            command += [f"--aptopt={options}", self.suite, str(whole), *mirrors(self.suite)]
            complaint = complaint_of(command)
            if complaint is not None:  # archives are sometimes in the middle of an update
                shutil.rmtree(whole, ignore_errors=True)
                complaint = complaint_of(command)
            if complaint is not None:
                raise CannotMake(f"mmdebstrap cannot make it: {complaint}")
            whole.rename(folder)


def complaint_of(command: list[str]) -> str | None:
    """Run it; what it says where it fails."""
    outcome = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=MAKING_S, check=False)
    if not outcome.returncode:
        return None
    return " ".join(line for line in outcome.stderr.splitlines() if line.startswith("E: "))[:600]


def mirrors(suite: str) -> list[str]:
    """The suite in the archives that this machine takes Debian from; none, for mmdebstrap's own choice, if it takes none."""
    listed = ["apt-get", "indextargets", "--format", INDEX_LINE, "Created-By: Packages"]
    told = subprocess.run(listed, capture_output=True, text=True, timeout=60, check=False).stdout
    rows = [line.split("\t") for line in told.splitlines()]
    # Not "bookworm-updates" and the like: the plain suite has all that is needed.
    places = [row[3] for row in rows if row[:2] == ["Debian", "Debian"] and "-" not in row[2]]
    return [f"deb {place} {suite} main" for place in dict.fromkeys(places)][:1]


def acquire_options() -> str:
    """How this machine's apt fetches: proxies, certificates, and which dates it believes."""
    told = subprocess.run(["apt-config", "dump", "Acquire"], capture_output=True, text=True, timeout=60, check=False).stdout
    options = [line for line in told.splitlines() if not line.startswith("Acquire::IndexTargets")]
    return "\n".join([*options, 'Acquire::Languages "none";', 'Acquire::Retries "3";', ""])
