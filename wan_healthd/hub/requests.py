"""One request: sent, followed within its host, tried again where that may help, and read within bounds."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from msgspec import Struct

from wan_healthd.domain.hub import HubAccess
from wan_healthd.hub import faults
from wan_healthd.hub.addresses import onward
from wan_healthd.hub.faults import NO_HUB, Trouble
from wan_healthd.hub.limits import Limits
from wan_healthd.version import __version__

if TYPE_CHECKING:
    from aiohttp import ClientResponse, ClientSession
    from tenacity import RetryCallState

CHUNK_BYTES = 64 << 10


class Answer(Struct, frozen=True):
    """What came back; `next_url` is the page that follows, None for the last one."""

    body: bytes
    next_url: str | None = None


class _Moved(Struct, frozen=True):
    url: str


class Requests:
    """Asks in one session; what all answers weigh together is bounded, too.

    Args:
        sleep: waits between tries, in seconds.
    """

    def __init__(self, session: ClientSession, limits: Limits, sleep: Callable[[float], Awaitable[None]]) -> None:
        self._session = session
        self._limits = limits
        self._sleep = sleep
        self._bytes_left = limits.total_bytes

    async def get(self, url: str) -> Answer:
        """The answer to a GET.

        Raises:
            Trouble: there is none.
        """
        for _ in range(self._limits.hops + 1):
            answer = await self._patiently(url)
            if isinstance(answer, Answer):
                return answer
            url = answer.url
        raise Trouble("it leads on from one address to the next without end", NO_HUB)

    async def _patiently(self, url: str) -> Answer | _Moved:
        """Try again, after growing pauses, what may pass by itself."""
        from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt, wait_random_exponential

        limits = self._limits
        backoff = wait_random_exponential(multiplier=limits.pause_s, max=limits.longest_pause_s)

        def pause_s(state: RetryCallState) -> float:
            trouble = None if state.outcome is None else state.outcome.exception()
            asked_s = trouble.pause_s if isinstance(trouble, Trouble) else None
            return backoff(state) if asked_s is None else max(asked_s, backoff(state))

        trying = AsyncRetrying(
            stop=stop_after_attempt(limits.tries),
            wait=pause_s,
            retry=retry_if_exception(self._may_pass),
            sleep=self._sleep,
            reraise=True,
        )
        return await trying(self._once, url)

    def _may_pass(self, error: BaseException) -> bool:
        return isinstance(error, Trouble) and error.passes and (error.pause_s or 0.0) <= self._limits.longest_pause_s

    async def _once(self, url: str) -> Answer | _Moved:
        from aiohttp import ClientConnectorCertificateError, ClientError, ClientSSLError, InvalidURL

        try:
            async with self._session.get(url, allow_redirects=False) as response:
                return await self._read(url, response)
        except TimeoutError:
            raise Trouble("it does not answer in time", passes=True) from None
        except InvalidURL:
            raise Trouble("its address is none", NO_HUB) from None
        except (ClientConnectorCertificateError, ClientSSLError) as error:
            raise Trouble(f"its certificate is not trusted ({error})", NO_HUB) from error
        except (ClientError, OSError) as error:
            raise Trouble(f"the connection fails ({error or type(error).__name__})", passes=True) from error

    async def _read(self, url: str, response: ClientResponse) -> Answer | _Moved:
        headers = response.headers
        if response.status in faults.MOVED:
            return _Moved(onward(url, headers.get("Location", "")))
        if response.status != faults.OK:
            raise faults.of_status(response.status, headers.get("X-Error-Code", ""), headers.get("Retry-After", ""))
        body = await self._body(response)
        link = response.links.get("next")
        follows = None if link is None else link.get("url")
        return Answer(body, None if follows is None else onward(url, str(follows)))

    async def _body(self, response: ClientResponse) -> bytes:
        body = bytearray()
        limit = min(self._limits.body_bytes, self._bytes_left)
        async for chunk in response.content.iter_chunked(CHUNK_BYTES):
            body += chunk
            if len(body) > limit:
                raise Trouble("its answer is larger than any list of a model's files", NO_HUB)
        self._bytes_left -= len(body)
        return bytes(body)


def open_session(access: HubAccess, limits: Limits) -> ClientSession:
    """A session that keeps nothing: no cookies, no compression that could blow up, no proxy or password of the environment."""
    from aiohttp import ClientSession, ClientTimeout, DummyCookieJar

    headers = {"User-Agent": f"wan-healthd/{__version__}", "Accept": "application/json", "Accept-Encoding": "identity"}
    if access.token is not None:
        headers["Authorization"] = f"Bearer {access.token}"
    timeout = ClientTimeout(total=limits.request_s, sock_connect=limits.silence_s, sock_read=limits.silence_s)
    return ClientSession(headers=headers, timeout=timeout, cookie_jar=DummyCookieJar(), auto_decompress=False)
