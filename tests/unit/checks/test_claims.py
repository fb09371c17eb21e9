"""What others say that a file should be, before and after it is read, beside its baseline and its header."""

from __future__ import annotations

import hashlib

import pytest
from msgspec.structs import replace

from tests.unit.checks.scenes import JSON_PATH, PATH, SOUND, first_word, flipped, read
from wan_healthd.checks.baseline import vouched_by
from wan_healthd.checks.registry import judge_file
from wan_healthd.domain.digests import BLOCK_BYTES
from wan_healthd.domain.evidence import Claim, FileEvidence
from wan_healthd.domain.extents import ByteRange
from wan_healthd.domain.files import FileLook, Presence, VerifiedBy
from wan_healthd.domain.findings import Cause, CorruptionType
from wan_healthd.domain.fitting import is_proven

AUTHORITY = "the tree of commit 1a2b3c4 in /models/wan/.cache/huggingface/trees/1a2b3c4.json"
TEXT_PATH = b"/models/wan/notes.txt"
TEXT = b"a b c d e f\n" * 100
BROKEN = flipped(SOUND, BLOCK_BYTES + 5)


def tree(data: bytes, *, sized: bool = True) -> Claim:
    return Claim(
        VerifiedBy.HF_TREE, AUTHORITY, len(data) if sized else None, sha256=hashlib.sha256(data).hexdigest()
    )  # fmt: skip


def git_tree(data: bytes) -> Claim:
    return Claim(VerifiedBy.HF_TREE, AUTHORITY, len(data), git_sha1=git_sha1(data))


def git_sha1(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def claimed(evidence: FileEvidence, *claims: Claim, outdated: tuple[Claim, ...] = ()) -> FileEvidence:
    return replace(evidence, claims=claims, outdated_claims=outdated)


def test_a_file_that_fits_is_fine_and_proven() -> None:
    evidence = claimed(first_word(SOUND), tree(SOUND))
    assert judge_file(evidence) == () and not is_proven(evidence)
    evidence = read(evidence, SOUND)
    proven = claimed(evidence, tree(SOUND))
    assert judge_file(proven) == () and is_proven(proven) and vouched_by(proven, ()) is not None


def test_other_bytes_of_the_right_size_are_a_mismatch_from_the_first_read() -> None:
    evidence = claimed(read(first_word(BROKEN), BROKEN), tree(SOUND))
    (finding,) = judge_file(evidence)
    assert (finding.code, finding.corruption_type) == ("checksum-mismatch", CorruptionType.CHECKSUM_MISMATCH)
    assert (finding.cause, finding.ranges) == (Cause.REWRITTEN, ())
    assert finding.message == (
        f"a.safetensors differs from its published content ({AUTHORITY}) in its digest:"
        " these are other bytes than were published"
    )
    assert vouched_by(evidence, [finding]) is None


def test_a_small_file_is_compared_by_its_git_name() -> None:
    evidence = read(first_word(TEXT, path=TEXT_PATH), TEXT)
    content = evidence.content
    assert content is not None
    for stated, codes in ((TEXT, []), (TEXT[::-1], ["checksum-mismatch"])):
        named = replace(evidence, content=replace(content, git_sha1=git_sha1(TEXT)))
        assert [finding.code for finding in judge_file(claimed(named, git_tree(stated)))] == codes
        assert judge_file(claimed(evidence, git_tree(stated))) == ()  # nothing to compare it with


@pytest.mark.parametrize("is_read", [False, True])
def test_a_file_that_is_shorter_than_published_is_an_incomplete_download(is_read: bool) -> None:
    cut = TEXT[:700]
    evidence = first_word(cut, path=TEXT_PATH)
    evidence = claimed(read(evidence, cut) if is_read else evidence, tree(TEXT))
    (finding,) = judge_file(evidence)
    assert (finding.code, finding.corruption_type) == ("file-truncated", CorruptionType.INCOMPLETE_DOWNLOAD)
    assert finding.ranges == (ByteRange(700, 500),)
    assert finding.message == f"notes.txt is too short: 700 of 1200 bytes (500 missing), says {AUTHORITY}"


def test_a_file_that_is_longer_than_published_has_something_behind_it() -> None:
    (finding,) = judge_file(claimed(first_word(TEXT + b"!", path=TEXT_PATH), tree(TEXT)))
    assert (finding.code, finding.corruption_type) == ("file-too-long", CorruptionType.INVALID_FORMAT)
    assert finding.ranges == (ByteRange(1200, 1),)
    assert finding.message == f"notes.txt is too long: 1201 bytes instead of 1200 (1 too many), says {AUTHORITY}"


@pytest.mark.parametrize("stated", [SOUND[:-8], SOUND + b"x"], ids=["longer", "shorter"])
def test_a_sound_file_of_another_length_is_another_file(stated: bytes) -> None:
    (finding,) = judge_file(claimed(first_word(SOUND), tree(stated)))
    assert finding.code == "checksum-mismatch"
    assert f"in its size ({len(SOUND)} bytes instead of {len(stated)})" in finding.message


@pytest.mark.parametrize(
    ("now", "code"),
    [
        (SOUND[:-8], "safetensors-truncated"),
        (SOUND + b"x", "safetensors-trailing-bytes"),
        (b"", "file-empty"),
        (bytes(len(SOUND)), "all-zeros"),
        (bytes(len(SOUND) + 1), "all-zeros"),
    ],
)
def test_what_the_file_says_itself_comes_first(now: bytes, code: str) -> None:
    (finding,) = judge_file(claimed(read(first_word(now), now), tree(SOUND)))
    assert finding.code == code


def test_a_claim_of_the_size_alone_accuses_before_the_content_is_read() -> None:
    claim = Claim(VerifiedBy.HF_TREE, AUTHORITY, 1201)
    assert [finding.code for finding in judge_file(claimed(first_word(TEXT, path=TEXT_PATH), claim))] == ["file-truncated"]


def test_an_empty_file_that_should_not_be() -> None:
    (finding,) = judge_file(claimed(first_word(b"", path=TEXT_PATH), tree(TEXT)))
    assert finding.code == "file-truncated"


def test_where_the_baseline_differs_too_it_tells_because_it_knows_the_place() -> None:
    (finding,) = judge_file(claimed(read(first_word(BROKEN, SOUND), BROKEN, SOUND), tree(SOUND)))
    assert finding.code == "checksum-mismatch" and "baseline" in finding.message
    assert finding.ranges == (ByteRange(BLOCK_BYTES, BLOCK_BYTES),)
    cut = TEXT[:700]
    (finding,) = judge_file(claimed(first_word(cut, TEXT, path=TEXT_PATH), tree(TEXT)))
    assert finding.code == "file-truncated" and finding.message.endswith("(500 missing)")


def test_a_read_that_was_wrong_once_accuses_nobody() -> None:
    (finding,) = judge_file(claimed(read(first_word(SOUND, SOUND), BROKEN, SOUND, again=SOUND), tree(SOUND)))
    assert finding.code == "transient-read"


def test_a_claim_that_came_after_the_baseline_is_heard() -> None:
    (finding,) = judge_file(claimed(read(first_word(BROKEN, BROKEN), BROKEN, BROKEN), tree(SOUND)))
    assert finding.code == "checksum-mismatch" and AUTHORITY in finding.message


@pytest.mark.parametrize("now", [BROKEN, SOUND[:-4096] + b"x", b'{"revision": 2}' * 9])
def test_a_new_version_that_an_authority_vouches_for_is_no_damage(now: bytes) -> None:
    """The baseline is of the version before."""
    evidence = first_word(now, SOUND, path=JSON_PATH)
    assert judge_file(claimed(evidence, tree(now))) == ()
    evidence = read(evidence, now, SOUND)
    assert judge_file(evidence) != () and vouched_by(evidence, judge_file(evidence)) is None
    for proven in (claimed(evidence, tree(now)), claimed(evidence, outdated=(tree(now, sized=False),))):
        assert judge_file(proven) == () and vouched_by(proven, ()) is not None


def test_an_outdated_claim_accuses_nobody() -> None:
    assert judge_file(claimed(read(first_word(BROKEN), BROKEN), outdated=(tree(SOUND),))) == ()


@pytest.mark.parametrize("presence", [Presence.ABSENT, Presence.DANGLING, Presence.FORBIDDEN, Presence.UNREADABLE])
def test_what_cannot_be_looked_at_is_not_compared(presence: Presence) -> None:
    evidence = claimed(replace(first_word(TEXT, path=PATH), look=FileLook(presence), header=None), tree(SOUND))
    assert not {"checksum-mismatch", "file-truncated", "file-too-long"} & {found.code for found in judge_file(evidence)}
