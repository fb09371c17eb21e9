"""What a service does with this room, over real files: the order of the calls, and nothing else."""

from __future__ import annotations

import os
from pathlib import Path

from wan_healthd.domain.models import Model
from wan_healthd.provenance import blob_name
from wan_healthd.provenance.places import sources_for
from wan_healthd.provenance.sources import SourceFile, Subject, Told
from wan_healthd.provenance.stated import together
from wan_healthd.provenance.telling import parse, told


def gather(path: Path, model: Model, manifest: bytes | None = None) -> Told:
    """All that is told of the file, which may be absent."""
    subject = subject_at(path)
    parts = [blob_name.told(way_of(os.fsencode(path)), subject)]
    waiting = list(sources_for(subject.path, model, manifest))
    while waiting:
        source = waiting.pop(0)
        data = content_of(source)
        if data is not None:
            part = told(source, parse(source, data), subject)
            waiting.extend(part.further)
            parts.append(part)
    return together(parts)


def subject_at(path: Path) -> Subject:
    name = os.fsencode(path)
    if not path.exists():
        return Subject(name)
    found = path.stat()
    return Subject(name, found.st_size, found.st_mtime_ns)


def way_of(path: bytes) -> list[bytes]:
    """The path and the target of each link that it leads over."""
    way = [path]
    while os.path.islink(way[-1]):
        way.append(os.path.normpath(os.path.join(os.path.dirname(way[-1]), os.readlink(way[-1]))))
    return way


def content_of(source: SourceFile) -> bytes | None:
    try:
        with open(source.path, "rb") as file:
            return file.read(source.limit_bytes + 1)
    except FileNotFoundError:
        return None
