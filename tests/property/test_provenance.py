"""No bytes make a source's parser raise, claim what is no digest, or forget what real tools wrote."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from wan_healthd.domain.evidence import Claim
from wan_healthd.domain.files import VerifiedBy
from wan_healthd.provenance import sum_lines
from wan_healthd.provenance.choose import choose, contradiction
from wan_healthd.provenance.hf_tree import HfTree, may_be_in_git
from wan_healthd.provenance.hf_tree import parse as parse_tree
from wan_healthd.provenance.sentinels import refusal
from wan_healthd.provenance.sources import SourceFile, SourceKind, Subject
from wan_healthd.provenance.sum_lines import SumLine
from wan_healthd.provenance.telling import parse, told

SUBJECT = Subject(b"/m/a/x.bin", size_bytes=5, mtime_ns=10**18)
HEX = st.text("0123456789abcdef", min_size=64, max_size=64)
DIGEST = HEX | st.sampled_from(["0" * 64, "f" * 64, "a" * 40, "", 'W/"x"'])
NAME = st.binary(min_size=1, max_size=30).filter(
    lambda name: b"\0" not in name and b"/" not in name and name.strip() not in (b"", b"-")
)
"""A name of blanks only is taken for blanks behind a digest that stands alone."""

LINES = st.lists(
    st.one_of(
        st.binary(max_size=120),
        st.builds(lambda digest, name: f"{digest}  {name}".encode(), DIGEST, st.sampled_from(["a/x.bin", "x.bin", "y", "-"])),
        st.builds(lambda digest: f"{'1' * 40}\n{digest}\n1700000000.5".encode(), DIGEST),
    ),
    max_size=6,
).map(b"\n".join)
DOCUMENT = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | DIGEST | st.sampled_from(["a/x.bin", "../x"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["format_version", "files", "a/x.bin", "size", "blob_id", "lfs_sha256", "lfs_size", "sha256"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
).map(lambda value: json.dumps(value).encode())
ENTRY = st.fixed_dictionaries(
    {"size": st.integers(0, 2**63 - 1), "blob_id": DIGEST}, optional={"lfs_sha256": DIGEST, "xet_hash": DIGEST}
)


@given(st.sampled_from(SourceKind), st.one_of(LINES, DOCUMENT, st.binary(max_size=300)))
def test_any_bytes_are_told_or_unusable(kind: SourceKind, data: bytes) -> None:
    source = SourceFile(kind, b"/m/a/x.bin.sha256", b"/m", (b"a/x.bin",))
    answer = told(source, parse(source, data), SUBJECT)
    for claim in (*answer.claims, *answer.outdated):
        assert all(digest is None or refusal(digest, claim.size_bytes) is None for digest in (claim.sha256, claim.git_sha1))
    assert all(finding.is_advice and finding.message.isprintable() for finding in answer.findings)
    choose(answer.claims)


@given(st.dictionaries(st.text(max_size=20).filter(may_be_in_git).filter(lambda path: path.isprintable()), ENTRY, max_size=5))
def test_every_file_of_a_listing_is_found_with_its_size(files: dict[str, dict[str, object]]) -> None:
    tree = parse_tree(json.dumps({"format_version": 1, "files": files}).encode())
    assert isinstance(tree, HfTree)
    assert {path.decode(): entry.size for path, entry in tree.files.items()} == {p: e["size"] for p, e in files.items()}


@given(HEX, NAME)
def test_a_line_written_as_coreutils_do_gives_its_name_back(digest: str, name: bytes) -> None:
    escaped = name.replace(b"\\", b"\\\\").replace(b"\n", b"\\n").replace(b"\r", b"\\r")
    mark = b"\\" if escaped != name else b""
    expected = (SumLine(1, digest, name),)
    assert sum_lines.parse(mark + digest.encode() + b"  " + escaped + b"\n") == expected
    assert sum_lines.parse(mark + b"SHA256 (" + escaped + b") = " + digest.encode() + b"\n") == expected


CLAIM = st.builds(
    Claim,
    source=st.sampled_from(VerifiedBy),
    authority=st.just("x"),
    size_bytes=st.none() | st.integers(0, 2),
    sha256=st.none() | st.sampled_from(["a" * 64, "b" * 64]),
    git_sha1=st.none() | st.sampled_from(["a" * 40, "b" * 40]),
)


@given(st.lists(CLAIM, max_size=8))
def test_what_agrees_agrees_and_nothing_is_lost(claims: list[Claim]) -> None:
    choice = choose(claims)
    assert len(choice.agreeing) + len(choice.contradictions) == len(claims)
    assert all(contradiction(one, other) is None for one in choice.agreeing for other in choice.agreeing)
    assert (choice.best is None) == (not claims)
    if choice.best is not None and choice.best.sha256 is None and choice.best.git_sha1 is None:
        assert all(claim.sha256 is None and claim.git_sha1 is None for claim in choice.agreeing)
