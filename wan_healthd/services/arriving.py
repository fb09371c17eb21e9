"""Whether a model is still being fetched: then what is absent may be on its way, and is not missed yet. Blocks."""

from __future__ import annotations

from wan_healthd.domain.files import FileLook, Listing, Presence
from wan_healthd.domain.identity import FileIdentity
from wan_healthd.domain.models import Layout, Model
from wan_healthd.domain.partials import is_orphan
from wan_healthd.domain.ports import Files
from wan_healthd.layouts import hf_cache, local_dir
from wan_healthd.layouts.names import is_unfinished

FRESH_S = 900.0
"""A download that has written nothing for so long is none any more (clients give up on a silent server after a minute)."""

LULL_S = 60.0
"""Between two files of a download nothing is unfinished for a moment. What its client wrote in its own places so lately, notes
and whole files too, is a sign that it goes on."""

MOST_FOLDERS = 100
"""Most folders of the hub client's notes that are looked at."""


def is_arriving(files: Files, model: Model, listing: Listing, now_s: float, *, may_lull: bool = False) -> bool:
    """Whether something unfinished for `model` was written to lately: in the listed folder, or where its client keeps it.

    `now_s` is in seconds since 1970. `may_lull`: nobody waits for the answer, so a lull of LULL_S counts as still arriving.
    """
    if _has_fresh(listing, now_s):
        return True
    top = model.path if model.layout.is_folder else model.path.rpartition(b"/")[0]
    steps = [top, top + b"/" + local_dir.NOTES]
    if model.layout is Layout.HF_CACHE:
        steps.append(top.rpartition(b"/" + hf_cache.SNAPSHOTS + b"/")[0] + b"/blobs")
    for _ in range(MOST_FOLDERS):
        if not steps:
            return False
        found = files.list_folder(model.root, steps.pop())
        if _has_fresh(found, now_s) or (may_lull and found.path != top and _has_news(found, now_s)):
            return True
        if local_dir.NOTES in found.path:
            steps += [found.path + b"/" + e.name for e in found.entries if e.look.presence is Presence.FOLDER]
    return False


def is_in_flight(control: FileLook | None, *, was_whole: bool, now_s: float) -> bool:
    """Whether a file is still being fetched although it has its name and may have its full size.

    `control` is a look at the place of its control file; None where nobody looked. What `was_whole` once, and has a control
    file beside it that nobody writes any more, is a file with litter beside it: if it were left alone, nobody would hear of its
    damage.
    """
    if control is None or control.presence is not Presence.FILE or control.identity is None:
        return False
    return not (was_whole and is_orphan(control.identity.mtime_ns / 1e9, now_s))


def is_being_written(identity: FileIdentity | None, *, was_whole: bool, now_s: float) -> bool:
    """Whether a file that somebody has open for writing is still being fetched or copied: it is judged when it is closed.

    Its last write tells. What nobody closes for hours, or what `was_whole` once, is not left alone for long.
    """
    if identity is None:
        return False
    return 0 <= now_s - identity.mtime_ns / 1e9 < (LULL_S if was_whole else FRESH_S)


def _has_news(listing: Listing, now_s: float) -> bool:
    looks = (entry.look for entry in listing.entries if entry.look.presence is Presence.FILE)
    return any(look.identity is not None and 0 <= now_s - look.identity.mtime_ns / 1e9 < LULL_S for look in looks)


def _has_fresh(listing: Listing, now_s: float) -> bool:
    """A time in the future is no proof of anything."""
    unfinished = (entry.look.identity for entry in listing.entries if is_unfinished(entry.name))
    return any(identity is not None and 0 <= now_s - identity.mtime_ns / 1e9 < FRESH_S for identity in unfinished)
