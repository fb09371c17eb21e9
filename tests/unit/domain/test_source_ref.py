from __future__ import annotations

import pytest

from wan_healthd.domain.source_ref import NotASource, SourceRef, parse

COMMIT = "1a2b3c4d5e6f70819293a4b5c6d7e8f901234567"


@pytest.mark.parametrize(
    ("text", "ref"),
    [
        ("hf:Wan-AI/Wan2.2-TI2V-5B", SourceRef("Wan-AI/Wan2.2-TI2V-5B")),
        (f"hf:Wan-AI/Wan2.2-TI2V-5B@{COMMIT}", SourceRef("Wan-AI/Wan2.2-TI2V-5B", COMMIT)),
        ("hf:a/b@refs/pr/7", SourceRef("a/b", "refs/pr/7")),
    ],
)
def test_a_source(text: str, ref: SourceRef) -> None:
    assert parse(text) == ref


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Wan-AI/Wan2.2", "begin with hf:"),
        ("https://hub/Wan-AI/x", "begin with hf:"),
        ("hf:gpt2", "no owner"),
        ("hf:a/b/c", "of such a name"),
        ("hf:a/b--c", "of such a name"),
        ("hf:a/b.git", "of such a name"),
        ("hf:../b", "of such a name"),
        ("hf:a/" + "b" * 97, "of such a name"),
        ("hf:a/b@", "no commit, branch or tag"),
        ("hf:a/b@x y", "no commit, branch or tag"),
        ("hf:a/b@x/../y", "no commit, branch or tag"),
        ("hf:a/b@" + "x" * 256, "no commit, branch or tag"),
    ],
)
def test_what_is_no_source(text: str, reason: str) -> None:
    with pytest.raises(NotASource, match=reason):
        parse(text)


def test_only_a_commit_pins() -> None:
    assert SourceRef("a/b", COMMIT).is_pinned
    assert not SourceRef("a/b", "main").is_pinned
    assert not SourceRef("a/b").is_pinned
