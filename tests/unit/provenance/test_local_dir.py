"""`.cache/huggingface/download/<path>.metadata`."""

from __future__ import annotations

import pytest

from tests.unit.provenance.builders import COMMIT, FILE, GIT, ROOT, SUBJECT, A, codes, digests
from wan_healthd.domain.files import VerifiedBy
from wan_healthd.provenance.local_dir import DownloadMetadata, bare_etag, metadata_path, parse
from wan_healthd.provenance.sources import SourceFile, SourceKind, Subject, Told, Unusable
from wan_healthd.provenance.telling import told

NAME = b"high/model.safetensors"
SOURCE = SourceFile(SourceKind.DOWNLOAD_METADATA, metadata_path(b"/models/wan", NAME), ROOT, (NAME,))
TIME_NS = 1_700_000_000_000_000_000


def note(etag: str = A, commit: str = COMMIT, time: str = "1700000000.25") -> bytes:
    return f"{commit}\n{etag}\n{time}\n".encode()


def ask_note(data: bytes, subject: Subject = SUBJECT) -> Told:
    return told(SOURCE, parse(data), subject)


def test_the_note_lies_where_the_client_puts_it() -> None:
    assert SOURCE.path == b"/models/wan/.cache/huggingface/download/high/model.safetensors.metadata"
    assert metadata_path(b"/", b"x") == b"/.cache/huggingface/download/x.metadata"


def test_a_sha256_etag_is_a_claim() -> None:
    (claim,) = ask_note(note()).claims
    assert (claim.source, claim.sha256, claim.git_sha1, claim.size_bytes) == (VerifiedBy.ETAG, A, None, None)
    assert claim.authority == f"the download metadata of commit 1a2b3c4 in {SOURCE.path.decode()}"


def test_a_git_etag_is_a_claim() -> None:
    (claim,) = ask_note(note(GIT)).claims
    assert (claim.sha256, claim.git_sha1) == (None, GIT)


@pytest.mark.parametrize("written", [f'"{A}"', f'W/"{A}"', f"W/{A}"])
def test_quoted_and_weak_etags_are_bared(written: str) -> None:
    assert bare_etag(written) == A
    assert digests(ask_note(note(written))) == [A]


@pytest.mark.parametrize(
    "etag", ["", "5d41402abc4b2a76b9719d911017c592", "5d41402abc4b2a76b9719d911017c592-8", "\x1b[2J", "x" * 3000]
)
def test_an_etag_that_is_no_digest_is_a_finding_that_names_it(etag: str) -> None:
    answer = ask_note(note(etag))
    assert answer.claims == () and codes(answer) == ["digest-refused"]
    assert answer.findings[0].message.isprintable() and SOURCE.path.decode() in answer.findings[0].message


@pytest.mark.parametrize(
    ("mtime_ns", "is_current"),
    [
        (TIME_NS, True),
        (TIME_NS + 1_250_000_000, True),
        (TIME_NS + 1_260_000_000, False),
        (0, True),
        (TIME_NS * 2, False),
    ],
)
def test_the_note_is_current_by_the_clients_rule(mtime_ns: int, is_current: bool) -> None:
    answer = ask_note(note(), Subject(FILE, 100, mtime_ns))
    assert (bool(answer.claims), bool(answer.outdated)) == (is_current, not is_current)


def test_the_note_on_an_absent_file_still_says_what_it_was() -> None:
    assert digests(ask_note(note(), Subject(FILE))) == [A]


@pytest.mark.parametrize("time", ["1700000000", "1"])
def test_the_tree_of_the_commit_is_named_however_old_the_note(time: str) -> None:
    (tree,) = ask_note(note(time=time)).further
    path = f"/models/wan/.cache/huggingface/trees/{COMMIT}.json".encode()
    assert tree == SourceFile(SourceKind.HF_TREE, path, ROOT, (NAME,))


@pytest.mark.parametrize("commit", ["main", "", "../../../../etc/passwd", COMMIT.upper(), COMMIT + "0"])
def test_a_commit_that_is_none_leads_nowhere(commit: str) -> None:
    answer = ask_note(note(commit=commit))
    assert answer.further == () and digests(answer) == [A]
    assert "of commit" not in answer.claims[0].authority


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n\n\n",
        COMMIT.encode(),
        note(time=""),
        note(time="nan"),
        note(time="inf"),
        note(time="-1"),
        note(time="1e9"),
        note(time="1_0"),
        note(time="9" * 400),
        b"\0" * 4096,
    ],
)
def test_a_note_that_is_none_is_unusable(data: bytes) -> None:
    assert isinstance(parse(data), Unusable)


def test_windows_line_ends_and_more_lines_are_fine() -> None:
    expected = DownloadMetadata(COMMIT.encode(), A, 1700000000.25)
    assert parse(note().replace(b"\n", b"\r\n")) == parse(note().rstrip()) == parse(note() + b"more\n\xff\n") == expected
