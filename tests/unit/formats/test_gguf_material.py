"""Real GGUF files are sound; the same files cut are truncated."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes.windows import BytesWindow
from wan_healthd.formats import gguf

pytestmark = pytest.mark.material


def test_real_files_are_sound_and_cost_little(gguf_vocabularies: tuple[Path, ...]) -> None:
    for path in gguf_vocabularies:
        content = path.read_bytes()
        window = BytesWindow(content)
        facts = gguf.judge(window)
        assert (facts.fault, facts.undecided, facts.tensor_count, facts.kind) == (None, None, 0, None)
        assert facts.declared_bytes == len(content)
        assert window.bytes_read <= 16 << 20


def test_real_files_cut_anywhere_are_truncated(gguf_vocabularies: tuple[Path, ...]) -> None:
    content = gguf_vocabularies[0].read_bytes()
    for size in (*range(24, 3000, 7), *range(len(content) - 50, len(content))):
        fault = gguf.judge(BytesWindow(content[:size])).fault
        assert fault is not None
        assert fault.code == "truncated"
