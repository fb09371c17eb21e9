"""Paths are bytes; people and JSON get a readable form that cannot harm a terminal."""

from __future__ import annotations

import base64


def display(path: bytes) -> str:
    """The path as text: bytes that are not UTF-8 become replacement characters, control characters become escapes.

    A file name may hold newlines and terminal escapes; none of them may reach a terminal, a log line or a status text.
    """
    return printable(path.decode("utf-8", "replace"))


def printable(text: str) -> str:
    """The text with control, format and surrogate characters as backslash escapes."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)


def printable_lines(text: str) -> str:
    """Several lines, each as `printable` does it; those after the first are indented, so that none can pass for another's."""
    return "\n  ".join(printable(line) for line in text.split("\n"))


def base64_if_needed(path: bytes) -> str | None:
    """The exact bytes in base64 where `display` cannot give them back, else None."""
    return None if display(path).encode("utf-8") == path else base64.b64encode(path).decode("ascii")


def is_at_or_below(path: bytes, folder: bytes) -> bool:
    """Whether `path` is `folder` or below it, by name alone."""
    return path == folder or path.startswith(folder.rstrip(b"/") + b"/")


def overlap(one: bytes, other: bytes) -> bool:
    """Whether one of the paths is the other or above it."""
    return is_at_or_below(one, other) or is_at_or_below(other, one)


def join(folder: bytes, name: bytes) -> bytes:
    """The path of an entry of the folder."""
    return folder.rstrip(b"/") + b"/" + name
