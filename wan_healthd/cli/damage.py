"""Where exactly a file is damaged: bytes, blocks, tensors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from wan_healthd.client.document import Document
from wan_healthd.domain.digests import BLOCK_BYTES

MOST_SHOWN = 8


def damage_lines(finding: Document) -> Iterator[str]:
    """Ranges as offset+length with their block numbers, tensors, and the cause; nothing where nothing is known."""
    if ranges := finding.parts("ranges"):
        yield f"bytes: {_listed([_range_text(item) for item in ranges])}"
    if tensors := finding.texts("tensors"):
        yield f"tensors: {_listed(tensors)}"
    if cause := finding.text_or_none("cause"):
        yield f"cause: {cause}"


def _range_text(item: Document) -> str:
    offset, length = item.count("offset"), item.count("length")
    first, last = offset // BLOCK_BYTES, max(offset, offset + length - 1) // BLOCK_BYTES
    blocks = f"block {first}" if first == last else f"blocks {first}-{last}"
    return f"{offset}+{length} ({blocks})"


def _listed(items: Sequence[str]) -> str:
    shown = ", ".join(items[:MOST_SHOWN])
    return shown if len(items) <= MOST_SHOWN else f"{shown}, ... and {len(items) - MOST_SHOWN} more"
