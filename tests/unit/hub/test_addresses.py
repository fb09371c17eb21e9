"""Where an answer may lead."""

from __future__ import annotations

import pytest

from wan_healthd.hub.addresses import host_of, onward, revision_url, tree_url
from wan_healthd.hub.faults import Trouble

HERE = "https://hub.example/api/models/a/b/tree/main?recursive=true"


def test_a_revision_with_slashes_is_one_part() -> None:
    assert (
        revision_url("https://hub.example", "a/b", "refs/pr/1") == "https://hub.example/api/models/a/b/revision/refs%2Fpr%2F1"
    )
    assert tree_url("http://mirror/hub", "a/b", "0") == "http://mirror/hub/api/models/a/b/tree/0?recursive=true&expand=false"


@pytest.mark.parametrize(
    ("target", "url"),
    [
        ("?cursor=x", "https://hub.example/api/models/a/b/tree/main?cursor=x"),
        ("/api/x", "https://hub.example/api/x"),
        ("https://hub.example:443/api/x", "https://hub.example:443/api/x"),
        ("https://HUB.example/api/x", "https://HUB.example/api/x"),
    ],
)
def test_within_the_host(target: str, url: str) -> None:
    assert onward(HERE, target) == url


@pytest.mark.parametrize(
    "target",
    [
        "http://hub.example/api/x",
        "https://hub.example:444/",
        "https://hub.example.evil/",
        "https://hub.example@evil/",
        "//evil/x",
        "ftp://hub.example/",
        "file:///etc/passwd",
        "https://[::1",
        "https://hub.example:port/",
        "/" + "x" * 5000,
    ],
)
def test_nowhere_else(target: str) -> None:
    with pytest.raises(Trouble):
        onward(HERE, target)


def test_the_host_is_told_without_secrets() -> None:
    assert host_of("https://me:secret@hub.example:8080/path") == "hub.example:8080"
