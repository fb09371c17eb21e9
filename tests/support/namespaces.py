"""Homes whose daemon lives in a namespace of its own: what is mounted or limited there troubles nobody else."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.support.daemons import Home
from tests.support.unprivileged import Unprivileged

LIMIT_FILE = "/proc/sys/user/max_inotify_watches"


class MountedHome(Home):
    """The daemon has a table of mounts of its own; `mount` and `umount` change it while it runs. Needs root."""

    def __init__(self, folder: Path, user: Unprivileged) -> None:
        super().__init__(folder, user)
        self._user = user
        self._pid = 0

    def popen(self, arguments: Sequence[str | Path], **options: Any) -> subprocess.Popen[str]:
        user = self._user
        started_as = self._options(options.pop("env", {}))
        for key in ("user", "group", "extra_groups"):
            del started_as[key]
        become = ["setpriv", f"--reuid={user.uid}", f"--regid={user.uid}", "--clear-groups", "--"]
        command = ["unshare", "--mount", "--propagation=private", *become, user.python, *arguments]
        process = subprocess.Popen(command, text=True, **started_as, **options)
        self._pid = process.pid
        return process

    def put_inside(self, name: str, content: bytes) -> None:
        """A complete file of the daemon's user among the models as the daemon sees them."""
        scratch = self.folder / "incoming"
        scratch.write_bytes(content)
        self.inside("install", "-o", str(self.uid), "-m", "0644", scratch, self.models / name)

    def inside(self, *command: str | Path) -> None:
        """Run a command as root among the daemon's mounts."""
        subprocess.run(["nsenter", "--target", str(self._pid), "--mount", "--", *command], check=True, timeout=20)


class LimitedHome(Home):
    """The daemon's user may have only so many watches; `limit` changes how many while it runs."""

    watches = 10
    _pid = 0

    def popen(self, arguments: Sequence[str | Path], **options: Any) -> subprocess.Popen[str]:
        shell = f'echo {self.watches} > {LIMIT_FILE} && exec "$@"'
        command = ["unshare", "--user", "--map-root-user", "sh", "-c", shell, "sh", str(self._python), *map(str, arguments)]
        process = subprocess.Popen(command, text=True, **self._options(options.pop("env", {})), **options)
        self._pid = process.pid
        return process

    def limit(self, watches: int) -> None:
        """From now on so many."""
        shell = ["sh", "-c", f"echo {watches} > {LIMIT_FILE}"]
        enter = ["nsenter", "--target", str(self._pid), "--user", "--setuid=0", "--setgid=0", "--"]
        subprocess.run([*enter, *shell], check=True, timeout=20)
