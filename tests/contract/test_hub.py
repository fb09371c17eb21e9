"""The port `Hub`: what the client and the fake agree on, and what only a network can do to the client."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from tests.fakes.hub import Repository, running
from tests.fakes.hub_port import FakeHub
from tests.fakes.troubled_hub import (
    Trouble,
    TroubledHub,
    body,
    endless,
    hang_up,
    new_pages,
    page_loop,
    stall,
    status,
)
from wan_healthd.domain.errors import HubUnreachable
from wan_healthd.domain.findings import Category
from wan_healthd.domain.hub import HubAccess, RepoTree
from wan_healthd.domain.ports import Hub
from wan_healthd.domain.source_ref import SourceRef, parse
from wan_healthd.hub.client import HubClient
from wan_healthd.hub.limits import Limits

NAME = "Wan-AI/Wan2.2-TI2V-5B"
REF = SourceRef(NAME)
REPOSITORY = Repository(NAME, {"config.json": b"{}"}, {"config.json": b'{"a":1}', "vae/w.safetensors": b"w" * 5000})
OLD, NEW = REPOSITORY.commits
BRISK = Limits(deadline_s=3.0, request_s=0.5, silence_s=0.3, tries=3, pause_s=0.01, longest_pause_s=0.05, body_bytes=1 << 20)


async def wait_briefly(seconds: float) -> None:
    await asyncio.sleep(min(seconds, 0.05))


def client(url: str, limits: Limits = BRISK, token: str | None = None) -> HubClient:
    return HubClient(HubAccess(url, token), limits, wait_briefly)


# What both do


@asynccontextmanager
async def the_client() -> AsyncIterator[Hub]:
    async with running(TroubledHub(REPOSITORY)) as url:
        yield client(url)


@asynccontextmanager
async def the_fake() -> AsyncIterator[Hub]:
    yield FakeHub(REPOSITORY)


MAKERS = pytest.mark.parametrize("made", [the_client, the_fake])
Maker = Callable[[], AbstractAsyncContextManager[Hub]]


def ask(made: Maker, text: str) -> RepoTree:
    async def live() -> RepoTree:
        async with made() as hub:
            return await hub.tree(parse(text))

    return asyncio.run(live())


@MAKERS
@pytest.mark.parametrize(
    ("text", "commit"), [(f"hf:{NAME}", NEW), (f"hf:{NAME}@main", NEW), (f"hf:{NAME}@{OLD}", OLD), (f"hf:{NAME}@{NEW}", NEW)]
)
def test_a_revision_is_resolved_and_listed(made: Maker, text: str, commit: str) -> None:
    tree = ask(made, text)
    assert tree.commit == commit
    found = {item.path: (item.size_bytes, item.blob_id, item.sha256, item.is_elsewhere) for item in tree.files}
    files = REPOSITORY.commits[commit].values()
    assert found == {
        file.path: (len(file.content), file.blob_id, file.sha256 if file.is_lfs else None, file.is_lfs) for file in files
    }


@MAKERS
@pytest.mark.parametrize("text", ["hf:Wan-AI/absent", f"hf:{NAME}@absent", f"hf:{NAME}@{'0' * 40}"])
def test_what_is_not_there_is_an_error(made: Maker, text: str) -> None:
    with pytest.raises(HubUnreachable) as caught:
        ask(made, text)
    assert caught.value.category is Category.NETWORK
    assert caught.value.message.startswith(f"cannot look up {text}")
    assert caught.value.suggestion


# What only the network does


class Outcome:
    """What came of one lookup from a troubled hub."""

    def __init__(self, hub: TroubledHub, result: RepoTree | HubUnreachable, took_s: float) -> None:
        self.hub = hub
        self.took_s = took_s
        self._result = result

    @property
    def tree(self) -> RepoTree:
        assert isinstance(self._result, RepoTree), self._result
        return self._result

    @property
    def message(self) -> str:
        assert isinstance(self._result, HubUnreachable)
        return f"{self._result.message}; {self._result.suggestion}"


def meet(
    *troubles: Trouble,
    always: Trouble | None = None,
    limits: Limits = BRISK,
    ref: SourceRef = REF,
    page_size: int | None = None,
) -> Outcome:
    async def live() -> Outcome:
        hub = TroubledHub(REPOSITORY)
        hub.troubles, hub.always, hub.page_size = list(troubles), always, page_size
        began = time.monotonic()
        async with running(hub) as url:
            try:
                result: RepoTree | HubUnreachable = await client(url, limits).tree(ref)
            except HubUnreachable as error:
                result = error
            return Outcome(hub, result, time.monotonic() - began)

    return asyncio.run(live())


@pytest.mark.parametrize("trouble", [status(500), status(503), status(429, Retry_After="0"), status(408), hang_up, stall])
def test_what_passes_is_tried_again(trouble: Trouble) -> None:
    outcome = meet(trouble, trouble)
    assert outcome.tree.commit == NEW
    assert outcome.hub.asked == 4


@pytest.mark.parametrize(
    ("trouble", "told"),
    [
        (status(500), "it answers 500"),
        (status(429), "it answers 429"),
        (hang_up, "the connection fails"),
        (stall, "it does not answer in time"),
    ],
)
def test_what_does_not_pass_is_told_after_some_tries(trouble: Trouble, told: str) -> None:
    outcome = meet(always=trouble)
    assert told in outcome.message
    assert outcome.hub.asked >= BRISK.tries  # aiohttp itself asks again where a connection that was kept is cut
    assert outcome.took_s < BRISK.deadline_s


@pytest.mark.parametrize(
    ("trouble", "told"),
    [
        (status(401, X_Error_Code="GatedRepo"), "gated"),
        (status(403, X_Error_Code="GatedRepo"), "accept its conditions"),
        (status(401), "no such repository, or it is private"),
        (status(403), "refuses to show"),
        (status(404, X_Error_Code="RepoNotFound"), "no such repository"),
        (status(404, X_Error_Code="RevisionNotFound"), "no such revision"),
        (status(418), "it answers 418"),
        (status(429, Retry_After="3600"), "it answers 429"),
        (body(b"<html>proxy</html>"), "cannot be understood"),
        (body(b'{"sha":"main"}'), "cannot be understood"),
        (body(b'{"sha":"main"}', **{"Content-Encoding": "gzip"}), "cannot be understood"),
        (body(b"[" * 100_000), "cannot be understood"),
        (endless, "larger than any list"),
        (status(302, Location="https://127.0.0.2/elsewhere"), "leads on to another place"),
        (status(302, Location="file:///etc/passwd"), "leads on to another place"),
        (status(302, Location="http://[::1/"), "address that is none"),
        (status(302), "without end"),
    ],
)
def test_what_is_final_is_told_at_once(trouble: Trouble, told: str) -> None:
    outcome = meet(always=trouble)
    assert told in outcome.message
    assert outcome.hub.asked <= BRISK.hops + 1


def test_a_redirect_within_the_host_is_followed() -> None:
    outcome = meet(status(307, Location=f"/api/models/{NAME}/revision/{OLD}"))
    assert outcome.tree.commit == OLD


def test_pages_are_put_together() -> None:
    outcome = meet(page_size=1)
    assert [item.path for item in outcome.tree.files] == ["config.json", "vae/w.safetensors"]
    assert outcome.hub.asked == 3


@pytest.mark.parametrize(
    ("trouble", "told"),
    [
        (page_loop, "does not end"),
        (new_pages, "does not end"),
        (body(b"[]", Link='<http://127.0.0.2/api>; rel="next"'), "another place"),
        (body(b"[]", Link='<ftp://127.0.0.1/api>; rel="next"'), "another place"),
        (body(b'[{"type":"file","path":"a","oid":"b","size":-1}]'), "cannot be understood"),
        (body(b"{}"), "cannot be understood"),
        (body(b"[" + b",".join([b'{"type":"directory","path":"a","oid":"b"}'] * 30) + b"]"), "more than 20 files"),
    ],
)
def test_a_list_that_is_none(trouble: Trouble, told: str) -> None:
    limits = Limits(deadline_s=3.0, pages=5, entries=20)
    outcome = meet(always=trouble, limits=limits, ref=SourceRef(NAME, NEW))
    assert told in outcome.message
    assert outcome.hub.asked <= 6


def test_everything_has_a_deadline() -> None:
    outcome = meet(always=stall, limits=Limits(deadline_s=0.4, request_s=10.0, silence_s=10.0))
    assert "it took longer than 0.4 s" in outcome.message
    assert outcome.took_s < 2.0


def test_nobody_listens() -> None:
    with pytest.raises(HubUnreachable, match=r"on 127\.0\.0\.1:1: the connection fails"):
        asyncio.run(client("http://127.0.0.1:1").tree(REF))


def test_the_token_goes_to_the_endpoint_only_and_no_stranger_has_one() -> None:
    async def live() -> tuple[list[str | None], list[str | None]]:
        hub = TroubledHub(REPOSITORY)
        other = TroubledHub(REPOSITORY)
        async with running(hub) as url, running(other) as elsewhere:
            await client(url, token="secret").tree(REF)
            hub.always = status(302, Location=elsewhere)
            with pytest.raises(HubUnreachable):
                await client(url, token="secret").tree(REF)
            hub.always = None
            await client(url).tree(REF)
        return hub.tokens, other.tokens

    told, overheard = asyncio.run(live())
    assert told == ["Bearer secret"] * 3 + [None] * 2
    assert overheard == []


def test_a_token_is_never_shown() -> None:
    assert "secret" not in repr(HubAccess(token="secret"))
