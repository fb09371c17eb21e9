"""What every request must pass before its path is looked at.

Nothing that a browser sends is let in, though browsers cannot open Unix sockets: a proxy in between could.
The rules are those of tailscale's localapi.
"""

from __future__ import annotations

from collections.abc import Iterable

from wan_healthd.api.errors import ForeignRequest
from wan_healthd.domain.errors import InvalidRequest
from wan_healthd.domain.paths import printable

HOSTS = frozenset({"", "localhost", "127.0.0.1", "[::1]", "wan-healthd"})
"""Names by which a client may call the server, without the port."""

BROWSER_HEADERS = frozenset({"origin", "referer"})


def guard(headers: Iterable[tuple[str, str]]) -> None:
    """Refuse what no client of ours sends.

    Args:
        headers: names and values as received, in order, repeats included.

    Raises:
        ForeignRequest: Origin or Referer is there, or Host names something else.
        InvalidRequest: there is more than one Host.
    """
    hosts = []
    for name, value in headers:
        lowered = name.lower()
        if lowered in BROWSER_HEADERS:
            raise ForeignRequest(
                f"cannot serve requests of web pages ({name} is set)", "use healthctl, or curl without that header"
            )
        if lowered == "host":
            hosts.append(value)
    if len(hosts) > 1:
        raise InvalidRequest("cannot serve a request with more than one Host header", "send one, such as `Host: localhost`")
    if hosts and not is_our_host(hosts[0]):
        raise ForeignRequest(
            f"cannot serve a request for the host {printable(hosts[0][:100])}",
            "call the server localhost: `curl --unix-socket PATH http://localhost/v1/status`",
        )


def is_our_host(value: str) -> bool:
    """Whether a Host header names this server, whatever the port."""
    host, colon, port = value.strip().lower().rpartition(":")
    if colon and port.isascii() and port.isdigit():
        return host in HOSTS
    return value.strip().lower() in HOSTS
