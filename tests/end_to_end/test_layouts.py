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

from tests.fakes import wan_files
from tests.fakes.hub import Hub, Repository, running_in_thread
from tests.fakes.safetensors_files import make, sample
from tests.support.daemons import Home
from tests.support.damage import edit, flip_bit
from tests.support.scans import Scan, scan
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


COMFY = {
    f"diffusion_models/wan2.2_t2v_{side}_noise_14B_fp8_scaled.safetensors": wan_files.t2v(seed)
    for seed, side in enumerate(("high", "low"))
}
LORAS = [f"loras/wan2.2_t2v_lightx2v_4steps_lora_v1.1_{side}_noise.safetensors" for side in ("high", "low")]


def furnish(root: Path, files: Mapping[str, bytes], *folders: str) -> None:
    for folder in folders:
        (root / folder).mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)


def by_model(found: Scan, root: Path) -> dict[str, set[tuple[str, str]]]:
    """Code and path (below the root) of each finding, by model."""
    return {
        model["model_id"]: {(issue["code"], os.path.relpath(issue["path"], root)) for issue in model["issues"]}
        for model in found.models
    }


@pytest.mark.parametrize("above", ["", "models", "ComfyUI/models", "ComfyUI/models/split_files"])
def test_a_comfyui_model_lacks_its_companions(tmp_path: Path, above: str) -> None:
    tree = tmp_path / above
    furnish(tree, {**COMFY, "vae/wan2.2_vae.safetensors": wan_files.vae(48)}, "text_encoders")
    names = [f"{above}/{name}".lstrip("/") for name in COMFY]
    lacking = {
        ("companion-missing", os.path.join(above, "vae/wan_2.1_vae.safetensors")),
        ("companion-missing", os.path.join(above, "text_encoders/umt5_xxl_fp8_e4m3fn_scaled.safetensors")),
    }
    found = scan(tmp_path)
    assert found.status == 1
    by_id = {model["model_id"]: model for model in found.models}
    assert {by_id[name]["health_status"] for name in names} == {"degraded"}
    assert by_model(found, tmp_path) == {
        **dict.fromkeys(names, lacking),
        f"{above}/vae/wan2.2_vae.safetensors".lstrip("/"): set(),
    }
    (wrong,) = [issue for issue in by_id[names[0]]["issues"] if "vae" in issue["path"]]
    assert (wrong["corruption_type"], wrong["severity"]) == ("file_missing", "medium")
    assert f"only the Wan 2.2 VAE is here ({tree}/vae/wan2.2_vae.safetensors)" in wrong["message"]


def test_a_comfyui_tree_is_judged_by_what_its_files_are(tmp_path: Path) -> None:
    tmp_path, state = tmp_path / "models", tmp_path / "state.db"
    vaes = {"vae/a.safetensors": wan_files.vae(16), "vae/b.safetensors": wan_files.vae(48)}
    loras = {name: wan_files.lora(seed) for seed, name in enumerate(LORAS)}
    furnish(tmp_path, {**COMFY, **vaes, **loras, "unet/wan2.2_ti2v_5B_fp16.safetensors": wan_files.ti2v()})
    wan_files.put_umt5(tmp_path / "clip" / "encoder.safetensors")
    found = scan(tmp_path, "--state", state)
    assert (found.issues, found.status) == ([], 0)
    (tmp_path / LORAS[1]).unlink()
    (tmp_path / "vae/b.safetensors").unlink()
    found = scan(tmp_path, "--state", state)
    assert {name: issues for name, issues in by_model(found, tmp_path).items() if issues} == {
        **{name: {("file-missing", name)} for name in (LORAS[1], "vae/b.safetensors")},
        "unet/wan2.2_ti2v_5B_fp16.safetensors": {("companion-missing", "vae/wan2.2_vae.safetensors")},
    }


def test_experts_that_are_the_same_and_experts_that_were_swapped(tmp_path: Path) -> None:
    root, state = tmp_path / "models", tmp_path / "state.db"
    high, low = (root / name for name in COMFY)
    furnish(root, COMFY)
    assert scan(root, "--state", state).issues == []
    high.rename(root / "aside")
    low.rename(high)
    (root / "aside").rename(low)
    for issue in scan(root, "--state", state).issues:
        other = low if issue["path"] == str(high) else high
        assert issue["code"] == "checksum-mismatch"
        assert f"it holds what belongs to {other}: the two were swapped" in issue["message"]
        assert issue["suggestion"].startswith("if the two were swapped, rename each to the other's name")
    high.write_bytes(low.read_bytes())
    found = scan(root)
    assert {issue["code"] for issue in found.issues} == {"experts-identical"}
    assert (found.status, {issue["corruption_type"] for issue in found.issues}) == (0, {None})


def test_shards_that_were_swapped_are_known_by_the_tree(downloads: Downloads) -> None:
    first, second = (downloads.local / name for name in SHARDS)
    first.rename(downloads.local / "aside")
    second.rename(first)
    (downloads.local / "aside").rename(second)
    issues = scan(downloads.local).issues
    assert {(issue["code"], issue["path"]) for issue in issues} == {("checksum-mismatch", str(p)) for p in (first, second)}
    for issue in issues:
        assert f"it holds what belongs to {second if issue['path'] == str(first) else first}:" in issue["message"]


def test_the_daemon_tells_of_a_companion_that_goes_and_comes(home: Home) -> None:
    models = home.models
    furnish(models, {"unet/t2v.safetensors": wan_files.t2v(), "vae/mine.safetensors": wan_files.vae(16)})
    model_id = "unet/t2v.safetensors"
    with home.running() as daemon:
        control = daemon.control
        control.await_status(model_id, "healthy")
        since = control.last_event()
        (models / "vae/mine.safetensors").unlink()
        (issue,) = control.await_status(model_id, "degraded")["issues"]
        assert issue["path"] == str(models / "vae/wan_2.1_vae.safetensors")
        opened = control.await_event(since, lambda event: event["model_id"] == model_id and event["kind"] == "finding-opened")
        assert opened["finding"]["code"] == "companion-missing"
        (models / "vae/again.safetensors").write_bytes(wan_files.vae(16))
        control.await_status(model_id, "healthy")
        control.await_event(since, lambda event: event["model_id"] == model_id and event["kind"] == "finding-cleared")
        (models / "vae/again.safetensors").unlink()
        control.await_status(model_id, "degraded")
        accepted = home.healthctl("trust", model_id, "wan_2.1_vae.safetensors", "--yes", "--reason", "it is elsewhere")
        assert accepted.returncode == 0, accepted
        assert control.model(model_id)["health_status"] == "healthy"
        for event, times in (("model-degraded", 2), ("finding-cleared", 2)):
            told = [alert["WAN_FINDING"] for alert in daemon.alerts(event) if alert.get("WAN_MODEL") == model_id]
            assert told == ["companion-missing"] * times, "people are told each change once"
        assert daemon.stop() == 0
