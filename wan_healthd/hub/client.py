"""The hub, asked over the network."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from wan_healthd.domain.hub import HubAccess, RepoEntry, RepoTree
from wan_healthd.domain.source_ref import SourceRef
from wan_healthd.hub import answers
from wan_healthd.hub.addresses import host_of, revision_url, tree_url
from wan_healthd.hub.faults import NO_HUB, Trouble
from wan_healthd.hub.limits import Limits
from wan_healthd.hub.requests import Requests, open_session


class HubClient:
    """Implements `domain.ports.Hub`. Each lookup has a session of its own: nothing stays open between them.

    Args:
        access: where and as whom to ask; whoever is offline does not make a client.
        sleep: waits between tries, in seconds.
    """

    def __init__(
        self, access: HubAccess, limits: Limits | None = None, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._access = access
        self._limits = limits or Limits()
        self._sleep = sleep

    async def tree(self, ref: SourceRef) -> RepoTree:
        """What the repository holds at the revision ("main" where none is stated).

        Raises:
            HubUnreachable: that could not be learnt.
        """
        host = host_of(self._access.endpoint)
        try:
            async with asyncio.timeout(self._limits.deadline_s), open_session(self._access, self._limits) as session:
                requests = Requests(session, self._limits, self._sleep)
                commit = await self._commit(requests, ref)
                return RepoTree(commit, await self._files(requests, ref.repo, commit))
        except Trouble as trouble:
            raise trouble.error(ref, host) from trouble
        except TimeoutError:
            raise Trouble(f"it took longer than {self._limits.deadline_s:g} s").error(ref, host) from None

    async def _commit(self, requests: Requests, ref: SourceRef) -> str:
        if ref.is_pinned and ref.revision is not None:
            return ref.revision
        url = revision_url(self._access.endpoint, ref.repo, ref.revision or "main")
        return answers.commit((await requests.get(url)).body)

    async def _files(self, requests: Requests, repo: str, commit: str) -> tuple[RepoEntry, ...]:
        """All pages of the list."""
        files: list[RepoEntry] = []
        entries, seen = 0, set[str]()
        url: str | None = tree_url(self._access.endpoint, repo, commit)
        while url is not None:
            if url in seen or len(seen) == self._limits.pages:
                raise Trouble("its list of files does not end", NO_HUB)
            seen.add(url)
            answer = await requests.get(url)
            found = answers.page(answer.body)
            entries += len(found)
            if entries > self._limits.entries:
                raise Trouble(f"it lists more than {self._limits.entries} files", NO_HUB)
            files += [entry for entry in found if entry is not None]
            url = answer.next_url
        return tuple(files)
