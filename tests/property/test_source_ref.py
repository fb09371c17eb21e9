"""A source that is read can be written and read again, and nothing in it leads anywhere but into its place in an address."""

from __future__ import annotations

import contextlib
from urllib.parse import unquote, urlsplit

from hypothesis import example, given
from hypothesis import strategies as st

from wan_healthd.domain.source_ref import NotASource, SourceRef, parse
from wan_healthd.hub.addresses import revision_url, tree_url

PART = st.from_regex(r"\A[A-Za-z0-9_]([A-Za-z0-9_.-]{0,20}[A-Za-z0-9_])?\Z").filter(
    lambda text: "--" not in text and ".." not in text and not text.endswith(".git")
)
REVISION = st.none() | st.sampled_from(["main", "refs/pr/1", "v1.0-beta", "0" * 40, "Grün"])
LOOSE = st.text(alphabet=st.sampled_from("hf:/@.-_ab\\~^?*[ \n\0é"), max_size=30)


@given(owner=PART, name=PART, revision=REVISION)
def test_what_is_written_is_read_again(owner: str, name: str, revision: str | None) -> None:
    ref = SourceRef(f"{owner}/{name}", revision)
    assert parse(str(ref)) == ref


@given(st.text() | LOOSE.map(lambda text: "hf:" + text) | LOOSE.map(lambda text: "hf:a/b@" + text))
@example("hf:a/../b")
@example("hf:a/b@../../c")
@example("hf:a/b@-x")
def test_nothing_else_gets_through(text: str) -> None:
    with contextlib.suppress(NotASource):
        ref = parse(text)
        assert str(ref) == text
        path = urlsplit(revision_url("https://hub.example/at", ref.repo, ref.revision or "main")).path
        owner, name = ref.repo.split("/")
        assert path.split("/")[:6] == ["", "at", "api", "models", owner, name]
        assert path.split("/")[6] == "revision"
        assert [unquote(part) for part in path.split("/")[7:]] == [ref.revision or "main"]
        assert ".." not in urlsplit(tree_url("https://hub.example", ref.repo, "0" * 40)).path
