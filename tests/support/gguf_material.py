"""Real GGUF files: vocabularies in the source package of llama-cpp-python (77 MB), fetched once."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import pytest

from tests.support.material import CannotFetch, Member, cache_folder, is_intact

PACKAGE = "llama-cpp-python"
REQUIREMENT = f"{PACKAGE}==0.3.36"
FOLDER = "llama_cpp_python-0.3.36/vendor/llama.cpp/models"


def vocabulary(name: str, size_bytes: int, sha256: str) -> Member:
    return Member(REQUIREMENT, f"{FOLDER}/{name}", size_bytes, sha256)


VOCABULARIES = (
    Member(
        REQUIREMENT,
        f"{FOLDER}/ggml-vocab-bert-bge.gguf",
        627_549,
        "fbcbe22278fb302694d5f4a41bfe48c5f90e8e3554eab1c0435387dff654a854",
    ),
    Member(
        REQUIREMENT,
        f"{FOLDER}/ggml-vocab-aquila.gguf",
        4_825_676,
        "7c53c3c516ac67c7ca12977b9690fdea3d2ef13bbaed6378f98191a13ef5ca00",
    ),
    Member(
        REQUIREMENT,
        f"{FOLDER}/ggml-vocab-gemma-4.gguf",
        15_776_467,
        "58b1ba0b57f3b4d7c468ba4ffd91ad85190346a3d7ad7e71d1cabaae8a14bb65",
    ),
)
"""The smallest; the only one of version 2; the largest."""


def target_of(member: Member) -> Path:
    return cache_folder() / f"{member.requirement}-{Path(member.name).name}"


def download(folder: Path) -> Path:
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command = [*pip, "--no-binary", PACKAGE, f"--dest={folder}", REQUIREMENT]
    outcome = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    if outcome.returncode:
        raise CannotFetch(f"cannot fetch {REQUIREMENT} from the package index: {outcome.stderr.strip()[-300:]}")
    return next(folder.glob("*.tar.gz"))


def unpack(archive: tarfile.TarFile, member: Member, scratch: Path) -> None:
    """Puts the member into the cache in one step, so that no reader ever sees a part of it."""
    source = archive.extractfile(member.name)
    if source is None:
        raise CannotFetch(f"cannot use {REQUIREMENT}: it has no {member.name}")
    unpacked = scratch / "unpacked"
    with source, unpacked.open("wb") as sink:
        shutil.copyfileobj(source, sink, 1 << 20)
    if not is_intact(unpacked, member):
        raise CannotFetch(f"cannot use {REQUIREMENT}: {member.name} is not the file that the tests were written for")
    unpacked.replace(target_of(member))


def fetch_all(folder: Path) -> None:
    with tempfile.TemporaryDirectory(dir=folder) as scratch, tarfile.open(download(Path(scratch))) as archive:
        for member in VOCABULARIES:
            unpack(archive, member, Path(scratch))


def obtain_all() -> tuple[Path, ...]:
    """The vocabularies from the cache, fetched first if need be; one test run at a time fetches."""
    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not all(is_intact(target_of(member), member) for member in VOCABULARIES):
            fetch_all(folder)
    return tuple(map(target_of, VOCABULARIES))


@pytest.fixture(scope="session")
def gguf_vocabularies() -> tuple[Path, ...]:
    """Real GGUF files; without a network, and with nothing in the cache, the test is skipped."""
    try:
        return obtain_all()
    except CannotFetch as failure:
        pytest.skip(f"no real GGUF files: {failure}")
