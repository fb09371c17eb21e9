"""The real client of the hub in hard cases: killed, with several revisions, with blobs that repositories share, and watched."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.fakes.hub import Hub, Repository, running_in_thread
from tests.fakes.safetensors_files import sample
from tests.support.control import Control, Document, until
from tests.support.daemons import Home
from tests.support.damage import edit, flip_bit, put_back
from tests.support.hub_client import HubClient
from tests.support.scans import Scan, scan
from wan_healthd.services.arriving import FRESH_S

NAME, OTHER_NAME = "org/name", "org/other"
FIRST, SECOND = (f"wan-0000{number}-of-00002.safetensors" for number in (1, 2))
ALONE, CONFIG, VOCABULARY = "wan.safetensors", "config.json", "vocab.txt"
OTHER_CONFIG = b'{"_class_name": "WanModel", "dim": 3072}'
BIG = sample(1, 3_000_000, 6)
CONTENT: Mapping[str, bytes] = {
    CONFIG: b'{"_class_name": "WanModel", "dim": 5120}',
    VOCABULARY: b"<pad>\n</s>\nthe\n" * 20,
    FIRST: sample(2, 200_000, 2),
    SECOND: BIG,
}
CLIENT_WRITES_BYTES = 10 << 20
"""The client writes nothing of a file before it has so much of it (huggingface_hub 2.4.0, DOWNLOAD_CHUNK_SIZE)."""
XET_HASH = hashlib.sha256(b"no digest of the content").hexdigest()


class Place(NamedTuple):
    """Where the client puts a repository: into its cache, or into a local folder."""

    client: HubClient
    repository: Repository
    local: Path | None

    @property
    def model_id(self) -> str:
        return self.repository.name if self.local is None else self.local.name

    @property
    def files(self) -> Path:
        """The folder with the files as loaders see them."""
        return self.local or snapshot(self.client, self.repository)

    @property
    def partials(self) -> list[Path]:
        return sorted((self.local or self.client.cache).rglob("*.incomplete"))

    def download(self) -> None:
        self.client.download(self.repository.name, local=self.local)


def snapshot(client: HubClient, repository: Repository, commit: str = "") -> Path:
    return client.cache / f"models--{repository.name.replace('/', '--')}" / "snapshots" / (commit or repository.head)


def client_at(models: Path, scratch: Path, url: str, layout: str, repository: Repository) -> Place:
    """A client that downloads into a place among the models."""
    local = models / "wan" if layout == "local" else None
    return Place(HubClient(scratch / "home", scratch / "cache" if local else models, url), repository, local)


LAYOUTS = pytest.mark.parametrize("layout", ["cache", "local"])


# Killed


@LAYOUTS
def test_a_killed_download(home: Home, tmp_path: Path, layout: str) -> None:
    repository = Repository(NAME, {**CONTENT, SECOND: sample(4, 2 * CLIENT_WRITES_BYTES, 4)})
    hub = Hub(repository)
    with running_in_thread(hub) as url, home.running() as daemon:
        control = daemon.control
        control.await_kind(0, "sweep-finished")
        place = client_at(home.models, tmp_path, url, layout, repository)
        hub.stalls[SECOND] = CLIENT_WRITES_BYTES + 1_000_000
        with killed(place, control):
            assert control.check(place.model_id)["issues"] == [], "what is absent may be on its way"
            assert [event["kind"] for event in control.events() if event["kind"].startswith("finding")] == []
            assert control.status()["unclaimed_count"] == 0
        (partial,) = place.partials
        assert control.check(place.model_id)["issues"] == [], "killed just now: nobody can know"
        assert not any(row["path"] == str(partial) for row in control.files(place.model_id))
        past = time.time() - FRESH_S - 1
        os.utime(partial, (past, past))
        (missed,) = control.check(place.model_id)["issues"]
        assert (missed["code"], missed["path"]) == ("file-missing", str(place.files / SECOND))
        hub.stalls.clear()
        place.download()
        control.await_status(place.model_id, "healthy")
        verified = until(lambda: all_verified(control, place.model_id), "every file is verified")
        assert verified == dict.fromkeys(paths(place.files), "hf-tree")


@contextmanager
def killed(place: Place, control: Control) -> Iterator[None]:
    """While the block runs, the client hangs in the middle of the big file, and all the rest is there; then it is killed."""
    client = place.client.downloading(place.repository.name, local=place.local)
    try:
        until(lambda: {"": 1} if _hangs(place) else None, "the client hangs in the big file")
        until(lambda: row_of(control, place.model_id), "the model is known")
        yield
    finally:
        client.send_signal(signal.SIGKILL)
        client.wait()


def _hangs(place: Place) -> bool:
    others = all((place.files / name).exists() for name in CONTENT if name != SECOND)
    return others and any(partial.stat().st_size for partial in place.partials)


def row_of(control: Control, model_id: str) -> Document | None:
    return next((row for row in control.status()["models"] if row["id"] == model_id), None)


def paths(folder: Path) -> list[str]:
    return [str(folder / name) for name in CONTENT]


def all_verified(control: Control, model_id: str) -> Document | None:
    """By what each file was verified, as soon as that is so of all."""
    if row_of(control, model_id) is None:
        return None
    verified = {row["path"]: row["verified_by"] for row in control.files(model_id)}
    return verified if len(verified) == len(CONTENT) and not {"none", "baseline"} & set(verified.values()) else None


# Several revisions, and the hub's own opinion


@pytest.fixture(scope="module")
def revisions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[HubClient, Repository]]:
    """A cache with three revisions that differ in one file each; the hub still answers."""
    folder = tmp_path_factory.mktemp("revisions")
    newer = {**CONTENT, FIRST: sample(3, 200_000, 2)}
    repository = Repository(NAME, CONTENT, newer, {**newer, CONFIG: OTHER_CONFIG})
    with running_in_thread(Hub(repository)) as url:
        client = HubClient(folder / "home", folder / "cache", url)
        for commit in repository.commits:
            client.download(NAME, revision="" if commit == repository.head else commit)
        yield client, repository


def test_revisions_are_models_and_each_blob_is_read_once(revisions: tuple[HubClient, Repository]) -> None:
    client, repository = revisions
    answer = scan(client.cache)
    oldest, older, head = repository.commits
    assert {model["model_id"] for model in answer.models} == {NAME, f"{NAME}@{oldest}", f"{NAME}@{older}"}
    assert answer.model_with(snapshot(client, repository, head) / CONFIG)["model_id"] == NAME
    assert (answer.status, answer.issues) == (0, [])
    blobs = {file.sha256: len(file.content) for files in repository.commits.values() for file in files.values()}
    assert len(blobs) == len(CONTENT) + 2
    assert answer.bytes_read == sum(blobs.values())
    authorities = {row["verified_by"] for model in answer.models for row in model["files"]}
    assert authorities == {"hf-tree"}


DAMAGES = {
    "intact": (SECOND, put_back(BIG)),
    "a flipped bit": (SECOND, flip_bit(2_000_000)),
    "another configuration": (CONFIG, put_back(CONTENT[CONFIG].replace(b"5120", b"5121"))),
    "cut": (SECOND, put_back(BIG[:1_000_000])),
    "emptied": (VOCABULARY, put_back(b"")),
}


@LAYOUTS
@pytest.mark.parametrize("damage", DAMAGES)
def test_we_and_the_hub_are_of_one_opinion(tmp_path: Path, layout: str, damage: str) -> None:
    repository = Repository(NAME, CONTENT)
    with running_in_thread(Hub(repository)) as url:
        place = client_at(tmp_path / "models", tmp_path, url, layout, repository)
        place.download()
        name, change = DAMAGES[damage]
        edit(place.files / name, change, keep_mtime=True)
        is_right = place.client.verify(NAME, local=place.local)
    answer = scan(tmp_path / "models")
    assert is_right is (damage == "intact")
    assert (answer.status == 0) is is_right
    assert [os.path.realpath(i["path"]) for i in answer.issues] == [os.path.realpath(place.files / name)] * (not is_right)


def test_what_is_published_empty_is_as_it_should_be(tmp_path: Path) -> None:
    files = {**CONTENT, "added.json": b"", "merges.txt": b""}
    with running_in_thread(Hub(Repository(NAME, files))) as url:
        client = HubClient(tmp_path / "home", tmp_path / "cache", url)
        client.download(NAME)
        client.download(NAME, local=tmp_path / "models" / "wan")
        assert client.verify(NAME)
    for folder in (tmp_path / "cache", tmp_path / "models"):
        answer = scan(folder)
        assert (answer.status, answer.issues) == (0, [])
        assert {row["verified_by"] for model in answer.models for row in model["files"]} == {"hf-tree"}


# The store that repositories share


class Shared(NamedTuple):
    """Two repositories of one cache whose weights are one payload in the shared store."""

    client: HubClient
    repositories: tuple[Repository, Repository]
    payload: Path

    @property
    def weights(self) -> list[Path]:
        return [
            snapshot(self.client, repository) / name
            for repository, name in zip(self.repositories, (SECOND, ALONE), strict=True)
        ]


@contextmanager
def shared_in(cache: Path, scratch: Path) -> Iterator[Shared]:
    """As the client makes it: the first repository's blob comes over xet (so to speak), the second one's is found there."""
    first, second = Repository(NAME, CONTENT), Repository(OTHER_NAME, {ALONE: BIG, CONFIG: OTHER_CONFIG})
    hub = Hub(first, second)
    with running_in_thread(hub) as url:
        client = HubClient(scratch / "home", cache, url)
        client.download(NAME)
        digest = hashlib.sha256(BIG).hexdigest()
        payload = client.share(cache / "models--org--name" / "blobs" / digest, XET_HASH)
        hub.xet_hashes[digest] = XET_HASH
        hub.requests.clear()
        client._replace(has_xet=True).download(OTHER_NAME)
    assert not any(request.startswith("GET") and request.endswith(ALONE) for request in hub.requests), "it was fetched anew"
    assert (cache / "blobs" / ".huggingface-shared-blobs").exists()
    shared = Shared(client, (first, second), payload)
    assert {os.path.realpath(path) for path in shared.weights} == {str(payload)}
    payload.chmod(0o644)  # the client takes the right to write from everybody, also from us
    yield shared


def test_one_payload_for_two_repositories_is_read_once_and_its_name_is_no_digest(tmp_path: Path) -> None:
    with shared_in(tmp_path / "hub", tmp_path) as shared:
        answer = scan(tmp_path / "hub")
        assert (answer.status, answer.issues) == (0, [])
        assert {model["model_id"] for model in answer.models} == {NAME, OTHER_NAME}
        assert answer.bytes_read == sum(map(len, CONTENT.values())) + len(OTHER_CONFIG)
        assert {authority_of(answer, path) for path in shared.weights} == {"hf-tree"}
        for trees in (tmp_path / "hub").glob("models--*/trees"):
            shutil.rmtree(trees)
        answer = scan(tmp_path / "hub")
        assert (answer.status, answer.issues) == (0, [])
        assert {authority_of(answer, path) for path in shared.weights} == {"blob-name"}


def authority_of(answer: Scan, path: Path) -> str:
    authority: str = answer.file(path)["verified_by"]
    return authority


@pytest.mark.parametrize("with_trees", [True, False])
def test_one_bad_payload_hits_both_repositories(tmp_path: Path, with_trees: bool) -> None:
    with shared_in(tmp_path / "hub", tmp_path) as shared:
        edit(shared.payload, flip_bit(2_000_000), keep_mtime=True)
        for trees in () if with_trees else (tmp_path / "hub").glob("models--*/trees"):
            shutil.rmtree(trees)
        answer = scan(tmp_path / "hub")
        assert {model["model_id"]: model["health_status"] for model in answer.models} == {
            NAME: "corrupted",
            OTHER_NAME: "corrupted",
        }
        assert {issue["code"] for issue in answer.issues} == {"checksum-mismatch"}
        assert [issue["path"] for issue in answer.issues] == [str(path) for path in shared.weights]
        assert XET_HASH not in "".join(issue["message"] for issue in answer.issues)


def test_a_payload_that_changes_wakes_both_repositories(home: Home, tmp_path: Path) -> None:
    with shared_in(home.models, tmp_path) as shared, home.running() as daemon:
        control = daemon.control
        control.await_kind(0, "sweep-finished")
        edit(shared.payload, flip_bit(2_000_000))
        for model_id in (NAME, OTHER_NAME):
            control.await_status(model_id, "corrupted")


# Watched


def swept_once(control: Control) -> None:
    """The sweep at the start is over, and the next one a day away: from now on only hints tell."""
    control.await_kind(0, "sweep-finished")


def kinds_since(control: Control, seen: int) -> list[str]:
    return [event["kind"] for event in control.events(seen)]


@LAYOUTS
def test_a_watched_download_is_verified_as_soon_as_it_ends(home: Home, tmp_path: Path, layout: str) -> None:
    repository = Repository(NAME, CONTENT)
    with running_in_thread(Hub(repository)) as url, home.running() as daemon:
        control = daemon.control
        swept_once(control)
        seen = control.last_event()
        place = client_at(home.models, tmp_path, url, layout, repository)
        place.download()
        verified = until(lambda: all_verified(control, place.model_id), "every file is verified")
        assert verified == dict.fromkeys(paths(place.files), "hf-tree")
        assert control.await_status(place.model_id, "healthy")["issues"] == []
        kinds = kinds_since(control, seen)
        assert "sweep-finished" not in kinds
        assert not any(kind.startswith("finding") for kind in kinds)
        assert kinds.count("status-changed") <= 2, "new, and healthy"


def test_a_single_file_is_verified_by_its_etag(home: Home, tmp_path: Path) -> None:
    with running_in_thread(Hub(Repository(NAME, CONTENT))) as url, home.running() as daemon:
        swept_once(daemon.control)
        client = HubClient(tmp_path / "home", tmp_path / "cache", url)
        local = home.models / "wan"
        client.run("hf", "download", NAME, SECOND, "--local-dir", str(local))
        until(lambda: verified_as(daemon.control, {str(local / SECOND): "etag"}), "the file is verified by its etag")


def verified_as(control: Control, wanted: Mapping[str, str]) -> Document | None:
    """What is wanted, once it is so."""
    rows = [row for model in control.status()["models"] for row in control.files(model["id"])]
    found = {row["path"]: row["verified_by"] for row in rows}
    return dict(wanted) if wanted.items() <= found.items() else None


def test_notes_that_come_late_and_lists_that_lie(home: Home, tmp_path: Path) -> None:
    """What is known of files by their baseline only is verified, accused and acquitted as others speak of them, unread."""
    with running_in_thread(Hub(Repository(NAME, CONTENT))) as url:
        local = tmp_path / "wan"
        HubClient(tmp_path / "home", tmp_path / "cache", url).download(NAME, local=local)
    notes = (local / ".cache").rename(tmp_path / "notes")
    shutil.copytree(local, home.models / "wan")
    names = paths(home.models / "wan")
    with home.running() as daemon:
        control = daemon.control
        swept_once(control)
        assert verified_as(control, dict.fromkeys(names, "baseline"))
        seen, read = control.last_event(), bytes_read(daemon.process.pid)
        shutil.copytree(notes, home.models / "wan" / ".cache")
        until(lambda: verified_as(control, dict.fromkeys(names, "hf-tree")), "the notes are heard")
        assert kinds_since(control, seen) == [], "nothing is new but who vouches for it"
        lie = home.models / "wan" / "SHA256SUMS"
        lie.write_text(f"{random.Random(1).randbytes(32).hex()}  {SECOND}\n")
        accused = control.await_event(seen, lambda event: event["kind"] == "finding-opened")
        assert (accused["finding"]["code"], accused["finding"]["path"]) == ("sources-disagree", names[-1])
        lie.unlink()
        control.await_kind(accused["seq"], "finding-cleared")
        assert bytes_read(daemon.process.pid) - read < len(BIG), "no content is read again"


def bytes_read(pid: int) -> int:
    """What the daemon's worker read so far, in bytes (proc(5), `rchar`)."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    counters = [Path(f"/proc/{child}/io").read_text() for child in children]
    return sum(int(line.split()[1]) for text in counters for line in text.splitlines() if line.startswith("rchar"))
