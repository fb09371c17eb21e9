"""The hub client's cache and its local folders: who is a model, and how often a blob is read."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from tests.fakes.safetensors_files import sample
from tests.fakes.workshop import Workshop
from tests.unit.services.scenario import play
from wan_healthd.domain.models import Layout
from wan_healthd.domain.verdicts import HealthStatus
from wan_healthd.store import models

SMALL = sample(3, 4000, 2)
OLD, NEW = "1" * 40, "2" * 40
REPO = "hub/models--org--name"
BLOB = hashlib.sha256(SMALL).hexdigest()
OTHER = sample(5, 4000, 2)


def put_snapshot(shop: Workshop, commit: str, content: bytes = SMALL) -> None:
    """One snapshot with one file, as the client links it."""
    blob = hashlib.sha256(content).hexdigest()
    if not os.path.exists(shop.path(f"{REPO}/blobs/{blob}")):
        shop.put(f"{REPO}/blobs/{blob}", content)
    folder = shop.path(f"{REPO}/snapshots/{commit}/transformer")
    os.makedirs(folder)
    os.symlink(f"../../../blobs/{blob}", folder + b"/model.safetensors")


def put_cache(shop: Workshop) -> None:
    put_snapshot(shop, OLD)
    put_snapshot(shop, NEW)
    shop.put(f"{REPO}/refs/main", NEW.encode())
    shop.put(f"{REPO}/trees/{NEW}.json", b'{"format_version": 1, "files": {}}')
    shop.put(f"{REPO}/.no_exist/{NEW}/config.json", b"")
    shop.put(f"{REPO}/blobs/{'b' * 64}.1234abcd.incomplete", b"x")
    shop.put("hub/.locks/models--org--name/x.lock", b"")
    shop.put("hub/CACHEDIR.TAG", b"x")


def model_file(commit: str) -> str:
    return f"{REPO}/snapshots/{commit}/transformer/model.safetensors"


async def statuses(shop: Workshop) -> dict[str, HealthStatus]:
    return {model_id: (await shop.result(model_id)).health_status for model_id in await shop.model_ids()}


def test_each_snapshot_is_a_model_and_each_blob_is_read_once(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        put_cache(shop)
        found = await shop.sweep()
        healthy = dict.fromkeys(["org/name", f"org/name@{OLD}"], HealthStatus.HEALTHY)
        assert await statuses(shop) == healthy
        assert (found.unclaimed, found.unclaimed_count) == ([], 0)
        assert shop.activity.bytes_read == len(SMALL), "two snapshots, one blob"
        record = await shop.database.read(lambda db: models.get(db, "org/name"))
        assert record is not None
        assert (record.model.layout, record.model.path) == (Layout.HF_CACHE, shop.path(f"{REPO}/snapshots/{NEW}"))
        assert (await shop.jobs.check("org/name", full=False)).health_status is HealthStatus.HEALTHY

    play(tmp_path, scenario)


def test_a_blob_that_is_gone_is_missed_by_every_link_to_it(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        put_cache(shop)
        os.unlink(shop.path(f"{REPO}/blobs/{BLOB}"))
        await shop.sweep()
        for commit in (OLD, NEW):
            (finding,) = await shop.findings(model_file(commit))
            assert (finding.code, finding.path) == ("file-missing", os.fsdecode(shop.path(model_file(commit))))
        assert await statuses(shop) == dict.fromkeys(["org/name", f"org/name@{OLD}"], HealthStatus.MISSING)

    play(tmp_path, scenario)


def test_a_damaged_blob_is_told_of_every_snapshot(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        put_cache(shop)
        await shop.sweep()
        shop.put(f"{REPO}/blobs/{BLOB}", OTHER)
        await shop.sweep()
        for commit in (OLD, NEW):
            assert await shop.codes(model_file(commit)) == ["checksum-mismatch"]

    play(tmp_path, scenario)


def test_a_new_main_takes_over_the_plain_name(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        put_snapshot(shop, OLD)
        shop.put(f"{REPO}/refs/main", OLD.encode())
        await shop.sweep()
        assert await shop.model_ids() == ["org/name"]
        put_snapshot(shop, NEW, OTHER)
        shop.put(f"{REPO}/refs/main", NEW.encode())
        await shop.sweep()
        assert await statuses(shop) == dict.fromkeys(["org/name", f"org/name@{OLD}"], HealthStatus.HEALTHY)
        files = await shop.database.read(lambda db: models.file_paths(db, "org/name"))
        assert files == (shop.path(model_file(NEW)),)

    play(tmp_path, scenario)


def test_hints_about_blobs_and_notes_lead_nowhere(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        put_cache(shop)
        for name in (f"blobs/{BLOB}", f"trees/{NEW}.json", "refs/main"):
            assert await shop.judge(f"{REPO}/{name}") is None
        found = await shop.sweep(folder=f"{REPO}/blobs")
        assert (await shop.model_ids(), found.unclaimed) == ([], [])
        assert await shop.judge(model_file(OLD)) is not None
        assert await shop.model_ids() == [f"org/name@{OLD}"]
        assert shop.appeared == [shop.path(f"{REPO}/snapshots/{OLD}")]

    play(tmp_path, scenario)


def test_a_stated_snapshot_wins(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        put_cache(shop)
        await shop.sweep()
        assert await shop.model_ids() == ["mine", f"org/name@{OLD}"]

    play(tmp_path, scenario, stated=[("mine", f"{REPO}/snapshots/{NEW}")])


def test_a_link_out_of_the_root_is_not_followed(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        outside = tmp_path / "outside.safetensors"
        outside.write_bytes(SMALL)
        os.makedirs(shop.path(f"{REPO}/snapshots/{NEW}"))
        os.mkdir(shop.path(f"{REPO}/blobs"))
        name = f"{REPO}/snapshots/{NEW}/model.safetensors"
        os.symlink(outside, shop.path(name))
        await shop.sweep()
        assert await shop.codes(name) == ["link-leaves-root"]
        assert await statuses(shop) == {"org/name": HealthStatus.UNKNOWN}
        assert shop.activity.bytes_read == 0

    play(tmp_path, scenario)


def test_a_local_folder_is_one_model_however_many_weights_it_has(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put("wan/a.safetensors", SMALL)
        shop.put("wan/b.safetensors", SMALL)
        shop.put("wan/.cache/huggingface/download/a.safetensors.metadata", b"x")
        shop.put("wan/.cache/huggingface/download/b.safetensors.incomplete", b"x")
        found = await shop.sweep()
        assert await statuses(shop) == {"wan": HealthStatus.HEALTHY}
        assert found.unclaimed == []
        record = await shop.database.read(lambda db: models.get(db, "wan"))
        assert record is not None and record.model.layout is Layout.LOCAL_DIR

    play(tmp_path, scenario)


def test_strange_names_and_strange_files(tmp_path: Path) -> None:
    """A FIFO never blocks, loops of links end, and a name that is not UTF-8 is a name."""

    async def scenario(shop: Workshop) -> None:
        strange = shop.root + b"/m\xff\xfe"
        os.makedirs(strange + b"/deep")
        for name in (b"/w-00001-of-00002.safetensors", b"/w-00002-of-00002.safetensors"):
            os.rename(shop.put("spare", SMALL), strange + name)
        os.mkfifo(strange + b"/deep/config.json")
        os.symlink(strange, strange + b"/deep/loop")
        os.symlink(b"itself.safetensors", strange + b"/deep/itself.safetensors")
        await shop.sweep()
        assert await shop.model_ids() == [r"m\xff\xfe"]
        codes = {issue.code for issue in (await shop.result(r"m\xff\xfe")).issues}
        assert codes == {"not-a-regular-file", "file-missing"}

    play(tmp_path, scenario)


def test_a_download_into_the_cache_is_waited_for(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        put_snapshot(shop, NEW)
        folder = f"{REPO}/snapshots/{NEW}"
        index = b'{"transformer": ["diffusers", "WanTransformer3DModel"]}'
        shop.put(f"{folder}/model_index.json", index)
        partial = shop.put(f"{REPO}/blobs/{'d' * 64}.0a1b2c3d.incomplete", b"x")
        os.utime(partial, (shop.clock.now().timestamp(),) * 2)
        await shop.sweep()
        assert await statuses(shop) == {"org/name": HealthStatus.HEALTHY}
        os.unlink(partial)
        await shop.sweep()
        assert await shop.codes(f"{folder}/transformer/config.json") == ["file-missing"]

    play(tmp_path, scenario)
