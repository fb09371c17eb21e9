"""The fake hub with bad days: errors, stalls, pages, and answers that only an enemy sends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable

from aiohttp import web

from tests.fakes.hub import Hub, Repository

Trouble = Callable[[web.Request], Awaitable[web.StreamResponse]]
"""Answers a request in the hub's place."""


class TroubledHub(Hub):
    """`troubles` are used up first, one for each request; then `always`, if there is one; then the hub answers as it should.

    With `page_size` set, lists come in pages, as the real hub sends them. `tokens` holds the Authorization of each request.
    """

    def __init__(self, *repositories: Repository) -> None:
        super().__init__(*repositories)
        self.troubles: list[Trouble] = []
        self.always: Trouble | None = None
        self.page_size: int | None = None
        self.tokens: list[str | None] = []
        self.asked = 0

    async def _tree(self, request: web.Request) -> web.Response:
        whole = await super()._tree(request)
        if self.page_size is None:
            return whole
        first = int(request.query.get("cursor", "0"))
        assert whole.text is not None
        entries = json.loads(whole.text)
        answer = web.json_response(entries[first : first + self.page_size])
        if first + self.page_size < len(entries):
            follows = request.url.update_query(cursor=str(first + self.page_size))
            answer.headers["Link"] = f'<{follows}>; rel="next"'
        return answer

    def app(self) -> web.Application:
        app = super().app()
        app.middlewares.append(self._meddle)
        return app

    @web.middleware
    async def _meddle(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        self.asked += 1
        self.tokens.append(request.headers.get("Authorization"))
        trouble = self.troubles.pop(0) if self.troubles else self.always
        return await (handler if trouble is None else trouble)(request)


def status(code: int, **headers: str) -> Trouble:
    """An answer of this status; underscores in the headers' names stand for dashes."""

    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(status=code, headers={name.replace("_", "-"): value for name, value in headers.items()})

    return answer


def body(content: bytes, **headers: str) -> Trouble:
    """An answer of status 200 with this body."""

    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(body=content, headers=headers)

    return answer


async def stall(request: web.Request) -> web.StreamResponse:
    """Begins to answer, and never goes on."""
    response = web.StreamResponse()
    await response.prepare(request)
    await response.write(b"[")
    await asyncio.sleep(30)
    return response


async def endless(request: web.Request) -> web.StreamResponse:
    """Sends spaces until the client has enough."""
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b" " * 65536)


async def hang_up(request: web.Request) -> web.StreamResponse:
    """Cuts the connection before a word was said."""
    assert request.transport is not None
    request.transport.abort()
    await asyncio.sleep(0)
    return web.Response()


async def page_loop(request: web.Request) -> web.StreamResponse:
    """An empty page that is followed by itself."""
    return web.Response(body=b"[]", headers={"Link": f'<{request.url}>; rel="next"'})


async def new_pages(request: web.Request) -> web.StreamResponse:
    """Empty pages without end, each with another address."""
    number = int(request.query.get("cursor", "0")) + 1
    return web.Response(body=b"[]", headers={"Link": f'<{request.url.update_query(cursor=str(number))}>; rel="next"'})
