"""What was read differs from what is expected: why, where, and when that is no damage at all."""

from __future__ import annotations

import msgspec
import pytest

from tests.unit.checks.scenes import (
    JSON_PATH,
    PATH,
    SOUND,
    baseline,
    first_word,
    flipped,
    identity,
    look,
    names_touched,
    read,
    zeroed,
)
from wan_healthd.checks.cause import cause_of
from wan_healthd.checks.registry import judge_file
from wan_healthd.domain.digests import BLOCK_BYTES, Assurance
from wan_healthd.domain.evidence import (
    Claim,
    ContentReading,
    Expectation,
    FileEvidence,
    HeaderFacts,
    HeaderFault,
    Impostor,
    SecondRead,
)
from wan_healthd.domain.extents import ByteRange
from wan_healthd.domain.files import Role, VerifiedBy
from wan_healthd.domain.findings import Cause, CorruptionType, Severity
from wan_healthd.domain.scoring import status_of
from wan_healthd.domain.verdicts import HealthStatus

BLOCK_1 = (ByteRange(BLOCK_BYTES, BLOCK_BYTES),)
BROKEN = flipped(SOUND, BLOCK_BYTES + 5)


def test_a_read_that_was_wrong_once_is_advice() -> None:
    (finding,) = judge_file(read(first_word(SOUND, SOUND), BROKEN, SOUND, again=SOUND))
    assert (finding.code, finding.corruption_type, finding.cause) == ("transient-read", None, Cause.TRANSIENT)
    assert finding.ranges == BLOCK_1
    assert "block 1" in finding.message
    assert status_of([finding]) is HealthStatus.HEALTHY


def test_of_two_blocks_only_the_one_that_stays_wrong_is_damaged() -> None:
    twice = flipped(BROKEN, 2 * BLOCK_BYTES)
    (finding,) = judge_file(read(first_word(BROKEN, SOUND), twice, SOUND, again=BROKEN))
    assert (finding.code, finding.ranges, finding.cause) == ("checksum-mismatch", BLOCK_1, Cause.REWRITTEN)
    assert finding.tensors == names_touched(SOUND, *BLOCK_1)
    assert finding.message.endswith("somebody wrote to it, and two reads gave different bytes")


def test_two_wrong_reads_that_agree_are_not_called_unstable() -> None:
    (finding,) = judge_file(read(first_word(BROKEN, SOUND), BROKEN, SOUND))
    assert finding.message.endswith("somebody wrote to it")


def test_a_grown_file_stays_damaged_when_its_second_read_is_right() -> None:
    grown = SOUND[:-8] + SOUND
    evidence = first_word(grown, SOUND, path=b"/models/wan/notes.txt")
    (finding,) = judge_file(read(evidence, flipped(grown, 9), SOUND, again=grown))
    assert (finding.code, finding.cause) == ("checksum-mismatch", Cause.REWRITTEN)


@pytest.mark.parametrize(
    ("expected_identity", "second", "cause"),
    [
        (identity(SOUND, 1), None, Cause.DISK),
        (identity(SOUND, 2), None, Cause.REWRITTEN),
        (None, None, Cause.REWRITTEN),
        (identity(SOUND, 1), SecondRead((), same_bytes=False), Cause.TRANSIENT),
        (identity(SOUND, 1), SecondRead(BLOCK_1, same_bytes=True), Cause.DISK),
        (identity(SOUND, 2), SecondRead(BLOCK_1, same_bytes=False), Cause.REWRITTEN),
    ],
)
def test_the_cause_follows_the_identity_and_the_second_read(
    expected_identity: object, second: SecondRead | None, cause: Cause
) -> None:
    expectation = msgspec.structs.replace(baseline(SOUND), identity=expected_identity)
    content = ContentReading(None, Assurance.DISK, matches=False, differing=BLOCK_1, second=second)
    assert cause_of(content, expectation, identity(SOUND, 1)) is cause


def test_a_restored_time_stamp_hides_nothing() -> None:
    evidence = first_word(BROKEN, SOUND)
    touched = msgspec.structs.replace(evidence.look, identity=msgspec.structs.replace(identity(BROKEN, 1), ctime_ns=2))
    (finding,) = judge_file(read(msgspec.structs.replace(evidence, look=touched), BROKEN, SOUND))
    assert (finding.code, finding.cause) == ("checksum-mismatch", Cause.REWRITTEN)


def test_a_published_digest_is_named_as_the_authority() -> None:
    content = ContentReading("0" * 64, Assurance.DISK, matches=False)
    expectation = Expectation(VerifiedBy.HF_TREE, len(SOUND), "1" * 64)
    (finding,) = judge_file(FileEvidence(PATH, Role.WEIGHTS, look(SOUND), expectation=expectation, content=content))
    assert "differs from its expected digest (hf-tree) in its digest: somebody wrote to it" in finding.message
    assert finding.ranges == ()


@pytest.mark.parametrize("matches", [True, None])
def test_what_matches_or_cannot_be_compared_is_fine(matches: bool | None) -> None:
    content = ContentReading("0" * 64, Assurance.DISK, matches=matches)
    assert judge_file(FileEvidence(PATH, Role.WEIGHTS, look(SOUND), expectation=baseline(SOUND), content=content)) == ()


def test_refused_bytes_are_a_disk_error_with_place_and_tensor() -> None:
    bad = (ByteRange(2 * BLOCK_BYTES, 4096), ByteRange(2 * BLOCK_BYTES + 8192, 1))
    content = ContentReading(
        None, Assurance.DISK, unreadable=bad, errno_name="EREMOTEIO", tensors=("a.weight", "b"), tensors_total=2
    )
    (finding,) = judge_file(msgspec.structs.replace(first_word(SOUND, SOUND, written_at=1), content=content))
    assert (finding.code, finding.corruption_type) == ("read-error", CorruptionType.DISK_ERROR)
    assert (finding.severity, finding.cause) == (Severity.CRITICAL, Cause.UNREADABLE)
    assert (finding.ranges, finding.tensors) == (bad, ("a.weight", "b"))
    assert finding.message == (
        "the disk cannot give a.safetensors whole (EREMOTEIO): it refuses 4097 bytes in 2 places, from offset 2097152,"
        " touching tensor a.weight and 1 more"
    )


def test_refused_bytes_without_an_error_name_are_called_eio() -> None:
    content = ContentReading(None, Assurance.DISK, unreadable=(ByteRange(0, 1),))
    (finding,) = judge_file(FileEvidence(PATH, Role.WEIGHTS, look(SOUND), content=content))
    assert "(EIO): it refuses 1 byte at offset 0" in finding.message


@pytest.mark.parametrize("allocated_bytes", [0, None])
def test_a_hole_is_all_zeros_before_it_is_read(allocated_bytes: int | None) -> None:
    (finding,) = judge_file(first_word(bytes(len(SOUND)), allocated_bytes=allocated_bytes))
    assert finding.code == ("all-zeros" if allocated_bytes == 0 else "safetensors-malformed")


@pytest.mark.parametrize("now", [SOUND, flipped(SOUND, 9, 7), b"\x03\0\0"], ids=["sound", "broken", "tiny"])
def test_a_file_kept_in_its_inode_is_no_hole(now: bytes) -> None:
    assert "all-zeros" not in [finding.code for finding in judge_file(first_word(now, allocated_bytes=0))]


def test_a_scrub_that_met_only_zeros_does_not_make_a_sound_file_zeros() -> None:
    sparse = zeroed(SOUND, BLOCK_BYTES, BLOCK_BYTES)
    content = ContentReading("0" * 64, Assurance.DISK, all_zero=True, matches=True)
    assert judge_file(msgspec.structs.replace(first_word(sparse, sparse, written_at=1), content=content)) == ()


@pytest.mark.parametrize("kind", [*Impostor])
@pytest.mark.parametrize("before", [None, SOUND], ids=["new", "known"])
def test_something_else_under_the_name_is_an_incomplete_download(kind: Impostor, before: bytes | None) -> None:
    page = b"<!DOCTYPE html><title>404</title>"
    header = HeaderFacts("safetensors", HeaderFault("not-safetensors", "the file begins like an HTML page"), impostor=kind)
    evidence = msgspec.structs.replace(first_word(page, before), header=header)
    for stage in (evidence, read(evidence, page, before)):
        (finding,) = judge_file(stage)
        assert (finding.code, finding.corruption_type) == ("placeholder-file", CorruptionType.INCOMPLETE_DOWNLOAD)
        assert finding.ranges == (ByteRange(0, len(page)),)
        assert "begins like an HTML page" in finding.message


@pytest.mark.parametrize("detail", ["", "20 MiB"])
def test_a_header_too_large_to_judge_is_unknown(detail: str) -> None:
    header = HeaderFacts("safetensors", payload_offset=20 << 20, undecided="too-large", undecided_detail=detail)
    (finding,) = judge_file(msgspec.structs.replace(first_word(SOUND), header=header))
    assert (finding.code, finding.corruption_type) == ("header-too-large-to-judge", None)
    assert (detail or f"{len(SOUND)} bytes") in finding.message
    assert status_of([finding]) is HealthStatus.UNKNOWN


@pytest.mark.parametrize(("now", "code"), [(BROKEN, "checksum-mismatch"), (SOUND[:-1], "file-truncated")])
def test_real_damage_swallows_that_the_header_is_too_large(now: bytes, code: str) -> None:
    header = HeaderFacts("safetensors", payload_offset=20 << 20, undecided="too-large")
    evidence = msgspec.structs.replace(first_word(now, SOUND), header=header)
    assert [finding.code for finding in judge_file(read(evidence, now, SOUND))] == [code]


@pytest.mark.parametrize(
    ("header", "code", "kind"),
    [
        (HeaderFacts("gguf", HeaderFault("truncated", "cut")), "gguf-truncated", CorruptionType.INCOMPLETE_DOWNLOAD),
        (HeaderFacts("torch-zip", HeaderFault("zip-overlap", "two")), "torch-malformed", CorruptionType.INVALID_FORMAT),
        (HeaderFacts("shard-index", HeaderFault("not-json", "no")), "shard-index-malformed", CorruptionType.INVALID_FORMAT),
        (HeaderFacts("gguf", undecided="unknown-to-us"), "format-unknown-to-us", None),
        (HeaderFacts("gguf", undecided="header-too-large-to-judge"), "header-too-large-to-judge", None),
    ],
)
def test_every_format_has_findings_of_its_own(header: HeaderFacts, code: str, kind: CorruptionType | None) -> None:
    (finding,) = judge_file(msgspec.structs.replace(first_word(SOUND), header=header))
    assert (finding.code, finding.corruption_type) == (code, kind)


def test_what_was_published_empty_is_not_damaged_by_being_so() -> None:
    nothing = Claim(VerifiedBy.HF_TREE, "the tree", 0, git_sha1="e69de29bb2d1d6434b8b29ae775ad8c2e48c5391")
    json = HeaderFacts("json", HeaderFault("not-json", "it is empty"))
    for evidence in (
        first_word(b""),
        msgspec.structs.replace(first_word(b"", path=JSON_PATH), header=json),
        first_word(b"", SOUND, path=b"/models/wan/merges.txt"),
    ):
        assert {finding.code for finding in judge_file(evidence)} == {"file-empty"}
        assert judge_file(msgspec.structs.replace(evidence, claims=(nothing,))) == ()
        full = msgspec.structs.replace(nothing, size_bytes=7, git_sha1=None)
        assert [f.code for f in judge_file(msgspec.structs.replace(evidence, claims=(full,)))] == ["file-empty"]


def test_an_empty_file_of_another_kind_may_be_empty_by_design() -> None:
    assert judge_file(first_word(b"", path=b"/models/wan/merges.txt")) == ()
    assert judge_file(read(first_word(b"", b"", path=b"/models/wan/merges.txt"), b"", b"")) == ()


@pytest.mark.parametrize(
    ("obstacle", "complaint", "says", "cure"),
    [
        ("changed-while-read", "", "it changes while it is read", "stands still"),
        ("worker-failed", "lost twice", "the reading process died over it (lost twice)", "`healthctl check MODEL`"),
        ("reads-disagree", "", "each read gives other bytes", "memtest86+"),
        ("worker-refused", "EPERM", "the system refused to have it examined (EPERM)", "`healthctl check MODEL`"),
        ("a-new-obstacle", "", "a-new-obstacle", "`healthctl check MODEL`"),
    ],
)
def test_what_could_not_be_read_is_unknown(obstacle: str, complaint: str, says: str, cure: str) -> None:
    (finding,) = judge_file(FileEvidence(PATH, Role.WEIGHTS, look(SOUND), unjudged=obstacle, complaint=complaint))
    assert finding.message == f"cannot judge a.safetensors: {says}"
    assert cure in finding.suggestion
    assert status_of([finding]) is HealthStatus.UNKNOWN


def test_control_characters_of_a_name_reach_no_terminal() -> None:
    evidence = FileEvidence(b"/models/\x1b[2J\n\xff.safetensors", Role.WEIGHTS, look(b""))
    (finding,) = judge_file(evidence)
    assert finding.message == r"\x1b[2J\n" + "\N{REPLACEMENT CHARACTER}.safetensors is empty"
    assert finding.path_b64 == "L21vZGVscy8bWzJKCv8uc2FmZXRlbnNvcnM="
