"""What the hub client downloaded with `--local-dir`: its notes tell (domain facts, section 2)."""

from __future__ import annotations

from wan_healthd.layouts import comfyui, folder

NOTES = b".cache/huggingface/download"
TREES = b".cache/huggingface/trees"


def is_collection(names: frozenset[bytes]) -> bool:
    """Whether a folder into which something was downloaded holds many models all the same.

    People download into the folder of all their models, or into that of ComfyUI; one model of everything would help nobody.
    """
    return bool(names & (folder.COLLECTIONS - {b"vae"} | {comfyui.SPLIT_FILES}))
