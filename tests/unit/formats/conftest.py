"""What only tests of formats need."""

from __future__ import annotations

from tests.support.gguf_material import gguf_vocabularies

__all__ = ["gguf_vocabularies"]
