"""Models: a name, a place, and the files that make it."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class Layout(StrEnum):
    """How a model's files are laid out on disk."""

    HF_CACHE = "hf_cache"
    LOCAL_DIR = "local_dir"
    WAN_NATIVE = "wan_native"
    DIFFUSERS = "diffusers"
    COMFYUI = "comfyui"
    FOLDER = "folder"
    SINGLE_FILE = "single_file"

    @property
    def is_folder(self) -> bool:
        """Whether a model of this layout is a folder with all that lies below it, rather than one file."""
        return self not in (Layout.COMFYUI, Layout.SINGLE_FILE)


class Model(Struct, frozen=True):
    """A model on disk. `path` is the absolute folder or file, `root` the absolute watched folder above it (or equal to it).

    `stated` models stand in the configuration and are expected even when nothing of them is there.
    """

    id: str
    layout: Layout
    path: bytes
    root: bytes
    stated: bool = False
