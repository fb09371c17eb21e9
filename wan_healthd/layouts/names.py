"""What a file's name says: weights, support, a download under way, or nothing of ours."""

from __future__ import annotations

import re
from collections.abc import Iterable

from wan_healthd.domain.files import Role

WEIGHT_SUFFIXES = (b".safetensors", b".sft", b".gguf", b".pth", b".pt", b".jit", b".ckpt", b".bin", b".onnx")
"""As loaders take them (ComfyUI folder_paths.py, GGUF, ONNX)."""

SUPPORT_SUFFIXES = (b".json", b".txt", b".model", b".yaml", b".yml", b".jinja", b".tiktoken")
"""Configuration, vocabulary and tokenizer files that a loader reads beside the weights."""

PROSE = (b"readme", b"license", b"licence", b"notice", b"changelog", b"usage")
"""Supporting files whose names begin so are for people: no loader misses them."""

DIGEST_LISTS = (b".sha256.txt", b"sha256sums.txt", b"sha256sum.txt")
"""What speaks of model files is none itself, whatever it is called (see `wan_healthd.provenance.sidecar`)."""

CONTROL_SUFFIX = b".aria2"
"""aria2 keeps what it knows of a download beside the file itself, which may have its full size from the beginning."""

UNFINISHED_SUFFIXES = (
    b".incomplete",
    b".part",
    b".partial",
    b".crdownload",
    CONTROL_SUFFIX,
    CONTROL_SUFFIX + b"__temp",
    b".download",
    b".tmp",
    b".temp",
    b"~",
)
"""Downloads and copies under way, each by its maker's own suffix (domain facts, section 2)."""

_RSYNC_NAME = re.compile(rb"\.(.+)\.[0-9A-Za-z]{6}", re.DOTALL)
"""What rsync writes to beside the file that it will be (rsync(1), `--inplace`)."""

OWN_FOLDER = b".wan-healthd"
"""Quarantine and temporaries of our own on a model file system."""

FORMATS: tuple[tuple[bytes, str], ...] = (
    (b".safetensors", "safetensors"),
    (b".sft", "safetensors"),
    (b".gguf", "gguf"),
    (b".pth", "torch"),
    (b".pt", "torch"),
    (b".jit", "torch"),
    (b".ckpt", "torch"),
    (b".bin", "torch"),
    (b".onnx", "onnx"),
    (b".safetensors.index.json", "shard-index"),
    (b".bin.index.json", "shard-index"),
    (b".json", "json"),
    (b"vocab.txt", "vocabulary"),
    (b"merges.txt", "vocabulary"),
    (b"spiece.model", "sentencepiece"),
    (b"tokenizer.model", "sentencepiece"),
    (b"sentencepiece.bpe.model", "sentencepiece"),
)
"""Formats that can be judged, by how a file's name ends; the longest fitting ending counts."""


def role_of(name: bytes) -> Role | None:
    """The role that a file of this name has in a model folder; None: it belongs to no model."""
    lower = name.lower()
    if name.startswith(b".") or is_unfinished(name):
        return None
    if lower.endswith(WEIGHT_SUFFIXES):
        return Role.WEIGHTS
    is_read_by_loaders = lower.endswith(SUPPORT_SUFFIXES) and not lower.startswith(PROSE) and not lower.endswith(DIGEST_LISTS)
    return Role.SUPPORT if is_read_by_loaders else None


def is_judged_some_day(name: bytes) -> bool:
    """Whether a file of this name may belong to a model, or will once it is whole."""
    copied = _RSYNC_NAME.fullmatch(name)
    return is_unfinished(name) or role_of(name if copied is None else copied[1]) is not None


def is_unfinished(name: bytes) -> bool:
    """Whether a file of this name is still being fetched or written by its maker's own convention."""
    return name.lower().endswith(UNFINISHED_SUFFIXES)


def finished_name(name: bytes) -> bytes:
    """The name that the file will have once it is whole, as far as its maker's suffix tells."""
    suffix = max((suffix for suffix in UNFINISHED_SUFFIXES if name.lower().endswith(suffix)), key=len, default=b"")
    return name[: len(name) - len(suffix)]


def in_flight(present: Iterable[bytes]) -> frozenset[bytes]:
    """Those of the names in one folder whose downloads are under way although the names do not say so."""
    every = frozenset(present)
    controls = (name for name in every if name.endswith(CONTROL_SUFFIX))
    return every.intersection(name.removesuffix(CONTROL_SUFFIX) for name in controls)


def is_hidden_folder(name: bytes) -> bool:
    """Folders that hold no models: version control, caches, our own."""
    return name.startswith(b".")


def format_of(name: bytes) -> str | None:
    """The format that a file of this name must have, if we can judge it."""
    lower = name.lower()
    fitting = [(len(ending), format_name) for ending, format_name in FORMATS if lower.endswith(ending)]
    return max(fitting)[1] if fitting else None
