"""A small Hugging Face hub on a real socket: enough for the real client to list and download a repository.

Endpoints and headers are those that huggingface_hub 2.4.0 asks for (domain facts, section 2). No `X-Xet-*` header is ever
sent, so the client downloads over plain HTTP.
"""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from aiohttp import web

MIB = 1 << 20
STALL_LOOK_S = 0.02
LFS_FROM_BYTES = 4096
"""Larger files are kept in git-LFS, smaller ones in git itself."""


@dataclass(frozen=True)
class HubFile:
    """One file of a repository at one commit; it is digested once, however often somebody asks."""

    path: str
    content: bytes

    @property
    def is_lfs(self) -> bool:
        return len(self.content) >= LFS_FROM_BYTES

    @cached_property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    @property
    def pointer(self) -> bytes:
        text = f"version https://git-lfs.github.com/spec/v1\noid sha256:{self.sha256}\nsize {len(self.content)}\n"
        return text.encode()

    @cached_property
    def blob_id(self) -> str:
        """What git holds: the content's blob, or that of the pointer to it."""
        return git_sha1(self.pointer if self.is_lfs else self.content)

    @property
    def etag(self) -> str:
        return self.sha256 if self.is_lfs else self.blob_id


def git_sha1(content: bytes) -> str:
    """The id of a git blob."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


class Repository:
    """A repository by its commits, oldest first; "main" is the newest."""

    def __init__(self, name: str, *commits: Mapping[str, bytes]) -> None:
        self.name = name
        self.commits = {
            hashlib.sha1(f"{name} {number}".encode()).hexdigest(): {
                path: HubFile(path, content) for path, content in sorted(files.items())
            }
            for number, files in enumerate(commits)
        }

    @classmethod
    def of_folder(cls, name: str, folder: Path) -> Repository:
        """All files below `folder`, as one commit."""
        files = (path for path in folder.rglob("*") if path.is_file())
        return cls(name, {path.relative_to(folder).as_posix(): path.read_bytes() for path in files})

    @property
    def head(self) -> str:
        return list(self.commits)[-1]

    def resolve(self, revision: str) -> str | None:
        commit = self.head if revision == "main" else revision
        return commit if commit in self.commits else None


class Hub:
    """The requests' handlers.

    Attributes:
        requests: what was asked, as "METHOD /path".
        stalls: after how many bytes the files at these paths stop coming, for as long as the path is in here.
        trickles: files at these paths come a MiB at a time, this many seconds apart, for as long as the path is in here.
        xet_hashes: what the trees tell of files with these SHA-256 digests; the client then looks into its shared store first.
    """

    def __init__(self, *repositories: Repository) -> None:
        self._repositories = {repository.name: repository for repository in repositories}
        self.requests: list[str] = []
        self.stalls: dict[str, int] = {}
        self.trickles: dict[str, float] = {}
        self.xet_hashes: dict[str, str] = {}

    def app(self) -> web.Application:
        app = web.Application(middlewares=[self._remember])
        name = "{repo:[^/]+/[^/]+}"
        app.router.add_get(f"/api/models/{name}/tree/{{revision}}", self._tree)
        app.router.add_get(f"/api/models/{name}/revision/{{revision}}", self._info)
        app.router.add_get(f"/api/models/{name}", self._info)
        app.router.add_get(f"/{name}/resolve/{{revision}}/{{path:.+}}", self._resolve)
        return app

    @web.middleware
    async def _remember(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.requests.append(f"{request.method} {request.path}")
        answer: web.StreamResponse = await handler(request)
        return answer

    def _commit_asked_for(self, request: web.Request) -> tuple[str, dict[str, HubFile]]:
        repository = self._repositories.get(request.match_info["repo"])
        if repository is None:
            raise web.HTTPNotFound(headers={"X-Error-Code": "RepoNotFound"})
        commit = repository.resolve(request.match_info.get("revision", "main"))
        if commit is None:
            raise web.HTTPNotFound(headers={"X-Error-Code": "RevisionNotFound"})
        return commit, repository.commits[commit]

    async def _info(self, request: web.Request) -> web.Response:
        commit, files = self._commit_asked_for(request)
        siblings = [
            {"rfilename": file.path, "size": len(file.content), "blobId": file.blob_id, **_lfs_field(file, "sha256")}
            for file in files.values()
        ]
        return web.json_response({"id": request.match_info["repo"], "sha": commit, "siblings": siblings})

    async def _tree(self, request: web.Request) -> web.Response:
        _, files = self._commit_asked_for(request)
        entries = [
            {"type": "file", "path": file.path, "oid": file.blob_id, "size": len(file.content), **_lfs_field(file, "oid")}
            | ({"xetHash": self.xet_hashes[file.sha256]} if file.sha256 in self.xet_hashes else {})
            for file in files.values()
        ]
        return web.json_response(entries)

    async def _resolve(self, request: web.Request) -> web.StreamResponse:
        commit, files = self._commit_asked_for(request)
        file = files.get(request.match_info["path"])
        if file is None:
            raise web.HTTPNotFound(headers={"X-Error-Code": "EntryNotFound", "X-Repo-Commit": commit})
        headers = {"X-Repo-Commit": commit, "ETag": f'"{file.etag}"', "Accept-Ranges": "bytes"}
        if file.is_lfs:
            headers |= {"X-Linked-Etag": f'"{file.etag}"', "X-Linked-Size": str(len(file.content))}
        if request.method == "GET" and file.path in self.stalls:
            return await self._stall(request, file, headers)
        if request.method == "GET" and file.path in self.trickles:
            return await self._trickle(request, file, headers)
        return _body(request, file.content, headers)

    async def _stall(self, request: web.Request, file: HubFile, headers: dict[str, str]) -> web.StreamResponse:
        """The beginning of it, and nothing more until the stall is lifted: then the connection is cut."""
        response = web.StreamResponse(headers=headers)
        response.content_length = len(file.content)
        await response.prepare(request)
        await response.write(file.content[: self.stalls[file.path]])
        while file.path in self.stalls and request.transport is not None:
            await asyncio.sleep(STALL_LOOK_S)
        response.force_close()
        return response

    async def _trickle(self, request: web.Request, file: HubFile, headers: dict[str, str]) -> web.StreamResponse:
        whole = _body(request, file.content, headers)
        body = memoryview(whole.body) if isinstance(whole.body, bytes) else memoryview(b"")
        response = web.StreamResponse(status=whole.status, headers=whole.headers)
        response.content_length = len(body)
        await response.prepare(request)
        for start in range(0, len(body), MIB):
            await response.write(body[start : start + MIB])
            await asyncio.sleep(self.trickles.get(file.path, 0.0))
        return response


def _lfs_field(file: HubFile, digest_key: str) -> dict[str, object]:
    if not file.is_lfs:
        return {}
    return {"lfs": {digest_key: file.sha256, "size": len(file.content), "pointerSize": len(file.pointer)}}


def _body(request: web.Request, content: bytes, headers: dict[str, str]) -> web.Response:
    """All of it, or the one range that was asked for."""
    wanted = request.http_range
    if wanted.start is None:
        return web.Response(body=content, headers=headers)
    first, end = wanted.start, min(wanted.stop or len(content), len(content))
    if not 0 <= first < end:
        raise web.HTTPRequestRangeNotSatisfiable(headers={"Content-Range": f"bytes */{len(content)}"})
    headers = {**headers, "Content-Range": f"bytes {first}-{end - 1}/{len(content)}"}
    return web.Response(status=206, body=content[first:end], headers=headers)


@asynccontextmanager
async def running(hub: Hub) -> AsyncIterator[str]:
    """Serves on 127.0.0.1 until the block ends; gives the URL, as HF_ENDPOINT wants it."""
    runner = web.AppRunner(hub.app(), shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


@contextmanager
def running_in_thread(hub: Hub) -> Iterator[str]:
    """The same for tests without an event loop."""
    ready: list[tuple[str, asyncio.AbstractEventLoop, asyncio.Event]] = []
    is_ready = threading.Event()

    async def live() -> None:
        async with running(hub) as url:
            stop = asyncio.Event()
            ready.append((url, asyncio.get_running_loop(), stop))
            is_ready.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: asyncio.run(live()), name="fake hub")
    thread.start()
    try:
        assert is_ready.wait(10), "the fake hub did not start"
        url, loop, stop = ready[0]
        yield url
    finally:
        if ready:
            loop.call_soon_threadsafe(stop.set)
        thread.join(10)
