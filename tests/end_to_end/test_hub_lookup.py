"""A daemon whose model states a source: what the hub says of it, once, and what holds when the hub is gone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fakes.hub import Repository, running_in_thread
from tests.fakes.safetensors_files import sample
from tests.fakes.troubled_hub import TroubledHub, status
from tests.support.control import Document, until
from tests.support.daemons import Home, RunningDaemon

NAME = "Wan-AI/Wan2.2-TI2V-5B"
MODEL = "mine"
WEIGHTS = "w-00001-of-00001.safetensors"
OTHER = "more/x.safetensors"
FILES = {
    WEIGHTS: sample(seed=3, size_bytes=200_000, tensors=4),
    "config.json": b'{"model_type": "ti2v"}',
    OTHER: sample(4, 9000, 1),
}
FLIPPED_AT = 150_000


@pytest.fixture
def hub() -> TroubledHub:
    return TroubledHub(Repository(NAME, FILES))


@pytest.fixture
def url(hub: TroubledHub) -> Iterator[str]:
    with running_in_thread(hub) as url:
        yield url


def wait_until(holds: Callable[[], bool], what: str) -> None:
    until(lambda: {} if holds() else None, what)


def flipped(content: bytes) -> bytes:
    return content[:FLIPPED_AT] + bytes([content[FLIPPED_AT] ^ 1]) + content[FLIPPED_AT + 1 :]


def settle(home: Home, *, lookup: bool = True, revision: str = "", essential: str = "") -> Path:
    """A model whose weights have one wrong bit, and nothing beside them that tells."""
    home.put(f"wan/{WEIGHTS}", flipped(FILES[WEIGHTS]))
    home.put("wan/config.json", FILES["config.json"])
    home.put(f"wan/{OTHER}", FILES[OTHER])
    home.configure(
        [home.models],
        f'[[models]]\nid = "{MODEL}"\npath = "{home.models}/wan"\nsource = "hf:{NAME}{revision}"\n{essential}\n'
        f"[hub]\nlookup = {str(lookup).lower()}\n",
    )
    return home.models / "wan"


def issues(daemon: RunningDaemon) -> list[Document]:
    is_known = any(model["id"] == MODEL for model in daemon.control.status()["models"])
    found: list[Document] = daemon.control.model(MODEL)["issues"] if is_known else []
    return found


def codes(daemon: RunningDaemon) -> list[str]:
    return [issue["code"] for issue in issues(daemon)]


def await_codes(daemon: RunningDaemon, *wanted: str) -> Document:
    wait_until(lambda: codes(daemon) == list(wanted), f"the findings are {wanted}")
    return daemon.control.model(MODEL)


def vouched_by_hub(daemon: RunningDaemon) -> set[str]:
    below = f"{daemon.home.models}/wan/"
    return {file["path"].removeprefix(below) for file in daemon.control.files(MODEL) if file["verified_by"] == "hub"}


def assert_the_hub_accuses(daemon: RunningDaemon) -> None:
    model = await_codes(daemon, "checksum-mismatch")
    (issue,) = model["issues"]
    assert model["health_status"] == "corrupted"
    assert issue["corruption_type"] == "checksum_mismatch"
    assert issue["path"].endswith(WEIGHTS)
    assert f"the hub's list of {NAME} at commit" in issue["message"]
    wait_until(lambda: vouched_by_hub(daemon) == {"config.json", OTHER}, "the hub vouches for the others")


def test_what_the_hub_says_is_kept_and_holds_without_it(home: Home, hub: TroubledHub, url: str) -> None:
    settle(home)
    with home.running({"HF_ENDPOINT": url}) as daemon:
        assert_the_hub_accuses(daemon)
    asked = list(hub.requests)
    assert sorted(asked) == [
        f"GET /api/models/{NAME}/revision/main",
        f"GET /api/models/{NAME}/tree/{hub._repositories[NAME].head}",
    ]

    home.put("wan/config.json", b'{"model_type": "t2v!"}')  # the same size
    with home.running({"HF_ENDPOINT": "http://127.0.0.1:1"}) as daemon:
        wait_until(lambda: len(issues(daemon)) == 2, "both files are accused by the tree that was kept")
    assert hub.requests == asked


@pytest.mark.parametrize(("lookup", "env"), [(True, {"HF_HUB_OFFLINE": "1"}), (False, {})])
def test_nobody_is_asked_who_may_not_be(home: Home, hub: TroubledHub, url: str, lookup: bool, env: dict[str, str]) -> None:
    settle(home, lookup=lookup)
    with home.running({"HF_ENDPOINT": url, **env}) as daemon:
        daemon.control.await_kind(0, "sweep-finished")
        assert codes(daemon) == []
    assert hub.requests == []


def test_a_hub_that_is_silent_is_told_once_and_asked_again(home: Home, hub: TroubledHub, url: str) -> None:
    settle(home)
    hub.always = status(403, X_Error_Code="GatedRepo")
    with home.running({"HF_ENDPOINT": url}) as daemon:
        model = await_codes(daemon, "hub-unreachable")
        (issue,) = model["issues"]
        assert (model["health_status"], issue["category"], issue["corruption_type"]) == ("healthy", "network", None)
        assert "the repository is gated" in issue["message"]
        assert "HF_TOKEN" in issue["suggestion"]
    with home.running({"HF_ENDPOINT": url}) as daemon:
        wait_until(lambda: hub.asked >= 2, "it is asked after the restart")
        assert codes(daemon) == ["hub-unreachable"]
        hub.always = None
        daemon.hang_up()
        assert_the_hub_accuses(daemon)
        events = [event for event in daemon.control.events() if (event.get("finding") or {}).get("code") == "hub-unreachable"]
        assert [event["kind"] for event in events] == ["finding-opened", "finding-cleared"]


def test_essential_files_are_those_of_the_source(home: Home, hub: TroubledHub, url: str) -> None:
    folder = settle(home, essential='essential = ["more/*.safetensors", "*.json"]')
    (folder / OTHER).unlink()
    (folder / WEIGHTS).write_bytes(FILES[WEIGHTS])
    with home.running({"HF_ENDPOINT": url}) as daemon:
        wait_until(
            lambda: any((i["path"] or "").endswith(OTHER) for i in issues(daemon)),
            "what is absent is named",
        )
        await_codes(daemon, "file-missing")


def test_another_source_is_looked_up_anew(home: Home, hub: TroubledHub, url: str) -> None:
    settle(home)
    with home.running({"HF_ENDPOINT": url}) as daemon:
        assert_the_hub_accuses(daemon)
        settle(home, revision="@absent")
        daemon.hang_up()
        model = await_codes(daemon, "hub-unreachable")
        assert "no such revision" in model["issues"][0]["message"]


def test_an_endpoint_that_is_none_is_an_error_of_the_configuration(home: Home) -> None:
    settle(home)
    outcome = home.popen([*home.daemon_arguments(), "--check-config"], env={"HF_ENDPOINT": "hub"}, stderr=-1)
    _, told = outcome.communicate(timeout=20)
    assert outcome.returncode == 2
    assert "cannot use HF_ENDPOINT" in told
