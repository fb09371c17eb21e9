"""What the real hub client downloads is found, named and complete, and what is taken away from it is missed."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.fakes.hub import Hub, Repository, running_in_thread
from tests.fakes.safetensors_files import make, sample
from tests.support.daemons import Home
from tests.support.damage import edit, flip_bit
from tests.support.scans import scan
from tests.unit.provenance.test_real_client import client

NAME = "Wan-AI/Wan2.2-Tiny-Diffusers"
SHARDS = [f"transformer/diffusion_pytorch_model-0000{number}-of-00002.safetensors" for number in (1, 2)]
PIPELINE = {
    "_class_name": "WanPipeline",
    "scheduler": ["diffusers", "UniPCMultistepScheduler"],
    "transformer": ["diffusers", "WanTransformer3DModel"],
    "vae": ["diffusers", "AutoencoderKLWan"],
}
INDEX = {"metadata": {}, "weight_map": {f"shard{number}.weight": os.path.basename(name) for number, name in enumerate(SHARDS)}}
FIRST: Mapping[str, bytes] = {
    "README.md": b"# nothing that a loader reads",
    "model_index.json": json.dumps(PIPELINE).encode(),
    "scheduler/scheduler_config.json": b'{"flow_shift": 5.0}',
    "transformer/config.json": b'{"dim": 3072}',
    "transformer/diffusion_pytorch_model.safetensors.index.json": json.dumps(INDEX).encode(),
    **{
        name: make({f"shard{number}.weight": ("U8", [50_000 + number], bytes(50_000 + number))})
        for number, name in enumerate(SHARDS)
    },
    "vae/config.json": b'{"z_dim": 48}',
    "vae/diffusion_pytorch_model.safetensors": sample(3, 100_000, 3),
}
SECOND = {**FIRST, "scheduler/scheduler_config.json": b'{"flow_shift": 3.0}'}
REPOSITORY = Repository(NAME, FIRST, SECOND)
OLD = next(iter(REPOSITORY.commits))

PROGRAM = """
import sys
from huggingface_hub import snapshot_download
name, old, local = sys.argv[1:]
snapshot_download(name, revision=old)
snapshot_download(name)
snapshot_download(name, local_dir=local)
"""


class Downloads(NamedTuple):
    """What the client left below one root."""

    root: Path
    local: Path
    cache: Path

    @property
    def snapshots(self) -> Path:
        return self.cache / f"models--{NAME.replace('/', '--')}" / "snapshots"


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("client")
    with running_in_thread(Hub(REPOSITORY)) as url:
        client(folder, url, sys.executable, "-c", PROGRAM, NAME, OLD, str(folder / "local"))
    return folder


@pytest.fixture
def downloads(fresh: Path, tmp_path: Path) -> Downloads:
    """A copy that may be damaged."""
    for name in ("cache", "local"):
        shutil.copytree(fresh / name, tmp_path / "root" / name, symlinks=True)
    root = tmp_path / "root"
    return Downloads(root, root / "local", root / "cache")


def test_cache_and_local_folder_are_complete(downloads: Downloads) -> None:
    found = scan(downloads.root)
    assert found.issues == []
    assert {model["model_id"]: model["layout"] for model in found.models} == {
        NAME: "hf_cache",
        f"{NAME}@{OLD}": "hf_cache",
        "local": "local_dir",
    }
    assert found.status == 0
    for model in found.models:
        assert model["file_count"] == len(FIRST) - 1, "all but the README"


@pytest.mark.parametrize("name", [name for name in FIRST if name not in ("README.md", "model_index.json")])
def test_each_file_of_a_local_folder_is_missed(downloads: Downloads, name: str) -> None:
    (downloads.local / name).unlink()
    found = scan(downloads.local)
    assert [(issue["corruption_type"], issue["path"]) for issue in found.issues] == [
        ("file_missing", str(downloads.local / name))
    ]
    assert [model["health_status"] for model in found.models] == ["corrupted"]
    assert found.status == 1


def test_a_missing_component_is_missed_in_its_snapshot_only(downloads: Downloads) -> None:
    folder = downloads.snapshots / OLD / "vae"
    shutil.rmtree(folder)
    found = scan(downloads.root)
    assert {issue["path"] for issue in found.issues} == {
        str(folder / name) for name in ("config.json", "diffusion_pytorch_model.safetensors")
    }
    assert {model["model_id"]: model["health_status"] for model in found.models} == {
        NAME: "healthy",
        f"{NAME}@{OLD}": "corrupted",
        "local": "healthy",
    }


def test_a_blob_that_is_gone_is_missed_where_it_is_linked(downloads: Downloads) -> None:
    links = [snapshot / SHARDS[1] for snapshot in downloads.snapshots.iterdir()]
    os.unlink(os.path.realpath(links[0]))
    found = scan(downloads.cache)
    assert {(issue["code"], issue["path"]) for issue in found.issues} == {("file-missing", str(link)) for link in links}


def test_one_snapshot_by_its_repository(downloads: Downloads) -> None:
    found = scan(downloads.snapshots.parent)
    assert (found.status, {model["model_id"] for model in found.models}) == (0, {NAME, f"{NAME}@{OLD}"})


def test_roots_inside_one_another_are_walked_once(downloads: Downloads) -> None:
    found = scan(downloads.root, downloads.local, downloads.snapshots / OLD)
    assert sorted(model["model_id"] for model in found.models) == sorted([NAME, f"{NAME}@{OLD}", "local"])


def test_the_daemon_sees_at_once_what_happens_to_a_blob(fresh: Path, home: Home) -> None:
    shutil.copytree(fresh / "cache", home.models / "cache", symlinks=True)
    links = sorted(home.models.rglob(SHARDS[0]))
    blob = Path(os.path.realpath(links[0]))
    with home.running() as daemon:
        control = daemon.control
        for model in (NAME, f"{NAME}@{OLD}"):
            assert control.await_status(model, "healthy")["issues"] == []
        since = control.last_event()
        edit(blob, flip_bit(30_000))
        control.await_status(NAME, "corrupted")
        control.await_status(f"{NAME}@{OLD}", "corrupted")
        opened = [event for event in control.events(since) if event["kind"] == "finding-opened"]
        assert {(event["path"], event["finding"]["code"]) for event in opened} == {(str(p), "checksum-mismatch") for p in links}
        blob.unlink()
        control.await_status(NAME, "corrupted")
        control.await_event(since, lambda event: event["finding"] is not None and event["finding"]["code"] == "file-missing")
        assert daemon.stop() == 0
