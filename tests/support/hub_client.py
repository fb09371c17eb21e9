"""The real client of the hub as processes, with a cache and a home of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

DEADLINE_S = 20.0
"""The client repeats without end against some servers; nothing here needs more than a few seconds."""

SNAPSHOT = """
import sys
from huggingface_hub import snapshot_download
name, revision, local = sys.argv[1:]
snapshot_download(name, revision=revision or None, local_dir=local or None)
"""
PUBLISH = """
import sys
from huggingface_hub.utils._shared_blobs import publish_blob_to_shared_store
blob, xet_hash, cache, size = sys.argv[1:]
assert publish_blob_to_shared_store(blob_path=blob, xet_hash=xet_hash, cache_dir=cache, expected_size=int(size))
"""


class HubClient(NamedTuple):
    """Downloads from `url` into `cache`, or into local folders; `home` is the client's own, and any folder.

    `has_xet`: it may use the store that repositories share; what is not there yet it cannot fetch over xet.
    """

    home: Path
    cache: Path
    url: str
    has_xet: bool = False

    def download(self, name: str, *, revision: str = "", local: Path | None = None) -> None:
        """A whole snapshot; returns when it is there."""
        self.run(sys.executable, "-c", SNAPSHOT, name, revision, str(local or ""))

    def downloading(self, name: str, *, local: Path | None = None) -> subprocess.Popen[bytes]:
        """The same under way; the caller ends it."""
        command = [sys.executable, "-c", SNAPSHOT, name, "", str(local or "")]
        return subprocess.Popen(command, env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def share(self, blob: Path, xet_hash: str) -> Path:
        """What the client does with a blob that came over xet: it moves into the shared store. Returns where it is then."""
        self.run(sys.executable, "-c", PUBLISH, str(blob), xet_hash, str(self.cache), str(blob.stat().st_size))
        return blob.resolve(strict=True)

    def verify(self, name: str, *, local: Path | None = None) -> bool:
        """`hf cache verify`: whether all is as the hub says."""
        place = ["--local-dir", str(local)] if local is not None else ["--cache-dir", str(self.cache)]
        return self._ended("hf", "cache", "verify", name, *place).returncode == 0

    def run(self, *command: str) -> None:
        """Run a command of the client; it must succeed. `hf` is the one beside our Python."""
        done = self._ended(*command)
        assert done.returncode == 0, done.stdout + done.stderr

    def _ended(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        path = str(Path(sys.executable).with_name(program)) if program == "hf" else program
        command = [path, *arguments]
        return subprocess.run(
            command, env=self.environment, capture_output=True, text=True, timeout=DEADLINE_S, check=False
        )  # fmt: skip

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "HF_HOME": str(self.home),
            "HF_HUB_CACHE": str(self.cache),
            "HF_ENDPOINT": self.url,
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_UPDATE_CHECK": "1",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            "NO_PROXY": "127.0.0.1",
            **({} if self.has_xet else {"HF_HUB_DISABLE_XET": "1"}),
        }
