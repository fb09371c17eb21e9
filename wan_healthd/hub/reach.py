"""Whether the hub answers at all: one request, whose answer is not looked at."""

from __future__ import annotations

import asyncio

from wan_healthd.domain.hub import HubAccess
from wan_healthd.domain.paths import printable
from wan_healthd.domain.vitals import HubReach
from wan_healthd.hub.addresses import host_of
from wan_healthd.hub.limits import Limits
from wan_healthd.hub.requests import open_session

LIMIT_S = 10.0


async def reach(access: HubAccess) -> HubReach:
    """Ask the hub for anything; an error of its own is an answer, too. The token stays here."""
    from aiohttp import ClientError

    host = host_of(access.endpoint)
    stranger = HubAccess(access.endpoint)
    try:
        async with (
            asyncio.timeout(LIMIT_S),
            open_session(stranger, Limits()) as session,
            session.get(access.endpoint, allow_redirects=False),
        ):
            return HubReach(host)
    except TimeoutError:
        return HubReach(host, f"not within {LIMIT_S:g} s")
    except (ClientError, OSError) as error:
        return HubReach(host, printable(str(error) or type(error).__name__))
