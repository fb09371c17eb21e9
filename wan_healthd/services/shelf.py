"""Parsed trees and lists: one of them speaks of many files, and is read once for all of them."""

from __future__ import annotations

import threading
from collections import OrderedDict

from msgspec import Struct

from wan_healthd.domain.identity import FileIdentity
from wan_healthd.provenance.sources import SourceFile, SourceKind, Unusable
from wan_healthd.provenance.telling import Statements

MAX_SOURCES = 64
MAX_SOURCE_BYTES = 16 << 20
"""Of all sources as they are on disk. What is parsed takes up to six times as much memory (measured on a tree of the shortest
entries that are accepted; with a manifest, which nobody else writes, up to fourteen times)."""


class _Copy(Struct, frozen=True):
    """A source as it was read, and from which state of its file."""

    identity: FileIdentity
    statements: Statements | Unusable
    size_bytes: int


class Shelf:
    """Keeps the sources that were asked for last, as long as their files stay as they are. Safe to use from any thread."""

    def __init__(self, max_sources: int = MAX_SOURCES, max_bytes: int = MAX_SOURCE_BYTES) -> None:
        self._max_sources = max_sources
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._copies: OrderedDict[tuple[SourceKind, bytes], _Copy] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._copies)

    def find(self, source: SourceFile, identity: FileIdentity) -> Statements | Unusable | None:
        """What the source says, if it is known in this very state."""
        key = source.kind, source.path
        with self._lock:
            copy = self._copies.get(key)
            if copy is None or copy.identity != identity:
                return None
            self._copies.move_to_end(key)
            return copy.statements

    def keep(self, source: SourceFile, identity: FileIdentity, statements: Statements | Unusable, size_bytes: int) -> None:
        """Remember what was parsed from `size_bytes`, in place of what was known of the source before."""
        key = source.kind, source.path
        with self._lock:
            self._drop(key)
            self._copies[key] = _Copy(identity, statements, size_bytes)
            self._bytes += size_bytes
            while self._bytes > self._max_bytes or len(self._copies) > self._max_sources:
                self._drop(next(iter(self._copies)))

    def _drop(self, key: tuple[SourceKind, bytes]) -> None:
        copy = self._copies.pop(key, None)
        if copy is not None:
            self._bytes -= copy.size_bytes
