"""The loader that the world uses, as the judge of ours."""

from __future__ import annotations

from pathlib import Path

import safetensors


def refusal(data: bytes) -> str | None:
    """Why `safetensors` refuses to load the bytes, in its own words; None if it loads them."""
    try:
        safetensors.deserialize(data)  # type: ignore[no-untyped-call]
    except safetensors.SafetensorError as error:
        return str(error)
    return None


def refusal_of_file(data: bytes, folder: Path) -> str | None:
    """The same through `safe_open`, as programs load models."""
    path = folder / "model.safetensors"
    path.write_bytes(data)
    try:
        with safetensors.safe_open(path, framework="np") as opened:
            opened.keys()
    except safetensors.SafetensorError as error:
        return str(error)
    return None
