"""The two experts of a 14B model, or their LoRAs: which file is whose other half (domain facts, sections 1a to 1e)."""

from __future__ import annotations

import re

FOLDERS = (b"high_noise_model", b"low_noise_model"), (b"transformer", b"transformer_2")
"""High and low in Wan's own folders, and in diffusers pipelines."""

_OTHER_FOLDER = {one: other for high, low in FOLDERS for one, other in ((high, low), (low, high))}
_MARK = re.compile(rb"(?<![a-z])(high|low)(?=[_-]?noise(?![a-z])|(?![a-z]))", re.IGNORECASE)
_OTHER_MARK = {
    mark: other
    for style in (bytes.lower, bytes.capitalize, bytes.upper)
    for mark, other in ((style(b"high"), style(b"low")), (style(b"low"), style(b"high")))
}


def partner_of(path: bytes) -> bytes | None:
    """Where the other expert's file of the same place would be: by the folder, else by the one "high" or "low" in the name.

    None where neither tells. Nothing says that such a file must be there.
    """
    above, _, name = path.rpartition(b"/")
    upper, slash, folder = above.rpartition(b"/")
    if folder in _OTHER_FOLDER:
        return upper + slash + _OTHER_FOLDER[folder] + b"/" + name
    marks = list(_MARK.finditer(name))
    other = _OTHER_MARK.get(marks[0][1]) if len(marks) == 1 else None
    if other is None:
        return None
    return path[: len(path) - len(name)] + name[: marks[0].start()] + other + name[marks[0].end() :]


def is_high(path: bytes) -> bool:
    """Whether a file that has a partner is that of the high-noise expert."""
    folder = path.split(b"/")[-2] if b"/" in path else b""
    if folder in _OTHER_FOLDER:
        return folder in {high for high, _ in FOLDERS}
    mark = _MARK.search(path.rpartition(b"/")[2])
    return mark is not None and mark[1].lower() == b"high"
