"""What is said to the model hub, and what it answers."""

from __future__ import annotations

from msgspec import Struct

DEFAULT_ENDPOINT = "https://huggingface.co"
"""Where the hub's own client asks, too, unless HF_ENDPOINT says otherwise."""


class HubAccess(Struct, frozen=True):
    """How the hub may be asked.

    Args:
        endpoint: `http(s)://HOST[:PORT][/PATH]` without a slash at its end.
        token: sent to that endpoint and to nobody else; None to ask as a stranger.
        is_offline: it may not be asked at all.
    """

    endpoint: str = DEFAULT_ENDPOINT
    token: str | None = None
    is_offline: bool = False

    def __repr__(self) -> str:
        """Without the token: it must not reach a log."""
        token = None if self.token is None else "..."
        return f"HubAccess(endpoint={self.endpoint!r}, token={token!r}, is_offline={self.is_offline!r})"


class RepoEntry(Struct, frozen=True):
    """One file of a repository as the hub lists it, unchecked.

    Args:
        path: within the repository, with slashes.
        blob_id: what git holds: the git SHA-1 of the content or, where the content is kept elsewhere, of a pointer to it.
        sha256: of the content; None where git itself holds that.
        is_elsewhere: the content is kept elsewhere, so that `blob_id` says nothing of it.
    """

    path: str
    size_bytes: int
    blob_id: str
    sha256: str | None = None
    is_elsewhere: bool = False


class RepoTree(Struct, frozen=True):
    """All files of a repository at one commit (40 hex digits)."""

    commit: str
    files: tuple[RepoEntry, ...]
