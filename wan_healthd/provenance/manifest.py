"""The manifest that the configuration states for a model: lines as in SHA256SUMS, or JSON.

JSON is `{"PATH": {"sha256": "…", "size": BYTES}}`; each of the two may be missing. Unlike a listing that another program
wrote, a manifest was written for us, so what we do not understand in it is an error and not passed over.
"""

from __future__ import annotations

import json
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from wan_healthd.domain.files import VerifiedBy
from wan_healthd.domain.paths import display, printable
from wan_healthd.provenance.sidecar import Sums, parse_sums
from wan_healthd.provenance.sources import NOT_TOLD, SourceFile, Subject, Told, Unusable
from wan_healthd.provenance.stated import Statement, as_told

MAX_ENTRIES = 100_000
SHOWN_CHARS = 255
"""A name, and a decoder's complaint that quotes one, may be as long as the manifest; a message may not."""


class ManifestEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """What the manifest says of one file; size in bytes."""

    sha256: str | None = None
    size: Annotated[int, Meta(ge=0, le=(1 << 63) - 1)] | None = None


class Manifest(Struct, frozen=True):
    """A JSON manifest: entries by path."""

    entries: dict[bytes, ManifestEntry]


class _Repeated(ValueError):
    """A name stands twice in one object; JSON decoders would silently keep the last."""


def parse(data: bytes) -> Manifest | Sums | Unusable:
    """The manifest in whichever of the two forms it is, or why it cannot be used."""
    return _parse_json(data) if data.lstrip().startswith(b"{") else parse_sums(data)


def _parse_json(data: bytes) -> Manifest | Unusable:
    try:
        entries = msgspec.json.decode(data, type=dict[str, ManifestEntry])
        if len(entries) > MAX_ENTRIES:
            return Unusable(f"it names more than {MAX_ENTRIES} files")
        json.loads(data, object_pairs_hook=_distinct)  # the shape is bounded by now
    except _Repeated as repeated:
        return Unusable(f"it names {printable(str(repeated)[:SHOWN_CHARS])} twice")
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        return Unusable(f"it is not a manifest ({printable(str(error)[:SHOWN_CHARS])})")
    return Manifest({path.encode(): entry for path, entry in entries.items()})


def _distinct(pairs: list[tuple[str, Any]]) -> None:
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            raise _Repeated(name)
        seen.add(name)


def told(manifest: Manifest, source: SourceFile, subject: Subject) -> Told:
    """What the manifest says of the subject."""
    entry = next((manifest.entries[name] for name in source.names if name in manifest.entries), None)
    if entry is None:
        return NOT_TOLD
    return as_told(Statement(VerifiedBy.MANIFEST, display(source.path), entry.sha256, entry.size), subject)
