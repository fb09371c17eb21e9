"""Names in the path of a request."""

from __future__ import annotations

_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


def quote(name: str) -> str:
    """Percent-encode every byte but RFC 3986's unreserved ones; a slash too, so that a model's id stays one segment."""
    return "".join(char if char in _PLAIN else _escaped(char) for char in name)


def _escaped(char: str) -> str:
    return "".join(f"%{byte:02X}" for byte in char.encode("utf-8", "surrogateescape"))
