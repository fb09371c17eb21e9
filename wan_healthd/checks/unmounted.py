"""An empty folder, or none, where a file system used to be mounted. Its files are not missing: nobody can see them."""

from __future__ import annotations

from collections.abc import Collection


def is_unmounted(known: Collection[str], here: str | None, above: str | None, *, is_empty: bool) -> bool:
    """Whether the folder is the bare mount point of the file system that its files were on.

    `known` are names of the file systems that the known files at and below the folder were on (`FileIdentity.filesystem`); it
    is on `here` now and the folder above it on `above` (None where they cannot be looked at). Another file system that is
    mounted there, even an empty one, was put in the place of the old one: what is not on it is missing.
    """
    return is_empty and bool(known) and here is not None and here == above and here not in known


def may_have_left(known: Collection[str], above: str | None) -> bool:
    """Whether an absent folder may have been a mount point that was removed when it was unmounted, as desktops do.

    Other arguments as for `is_unmounted`. Of the same volume as the folder above means that its files could go without it.
    """
    return bool(known) and above is not None and volume_of(above) not in map(volume_of, known)


def has_left(known: Collection[str], above: str | None, mounted: Collection[str]) -> bool:
    """Whether it was. `mounted` are names of all file systems that are mounted anywhere: what is not on them is missing."""
    return may_have_left(known, above) and not {volume_of(name) for name in known} & {volume_of(name) for name in mounted}


def volume_of(filesystem: str) -> str:
    """The name without the number of a subvolume: one that is deleted takes its files with it, and its volume stays."""
    kind, _, rest = filesystem.partition(":")
    return f"{kind}:{rest.partition(':')[0]}" if kind == "uuid" else filesystem
