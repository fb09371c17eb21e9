"""Where to ask, and where an answer may lead: never to another host. Pure."""

from __future__ import annotations

from urllib.parse import quote, urljoin, urlsplit

from wan_healthd.hub.faults import NO_HUB, Trouble

_PORTS = {"http": 80, "https": 443}
MAX_URL_CHARS = 4096


def revision_url(endpoint: str, repo: str, revision: str) -> str:
    """What the hub knows of a revision. A revision may hold slashes ("refs/pr/1"), which are part of its name."""
    return f"{endpoint}/api/models/{quote(repo)}/revision/{quote(revision, safe='')}"


def tree_url(endpoint: str, repo: str, commit: str) -> str:
    """The first page of the list of a commit's files."""
    return f"{endpoint}/api/models/{quote(repo)}/tree/{commit}?recursive=true&expand=false"


def onward(here: str, target: str) -> str:
    """The absolute URL that `target`, in an answer from `here`, leads to.

    Raises:
        Trouble: to another scheme, host or port: our token and our trust are for this one.
    """
    try:
        url = urljoin(here, target)
        is_same = _origin(url) == _origin(here)
    except ValueError:  # of urllib, for what is no URL
        raise Trouble("it leads on to an address that is none", NO_HUB) from None
    if not is_same or len(url) > MAX_URL_CHARS:
        raise Trouble(f"it leads on to another place ({url[:100]}), which is not followed", NO_HUB)
    return url


def host_of(endpoint: str) -> str:
    """The endpoint's host, for people."""
    return urlsplit(endpoint).netloc.rpartition("@")[2]


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme)
