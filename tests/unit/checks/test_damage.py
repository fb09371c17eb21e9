"""Every kind of damage, each told once: by the first word and by the read, with and without a baseline."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from tests.fakes.safetensors_files import make, sample
from tests.unit.checks.scenes import (
    HEADER_END,
    JSON_PATH,
    PATH,
    SOUND,
    TENSOR_BYTES,
    first_word,
    flipped,
    names_touched,
    read,
    zeroed,
)
from wan_healthd.checks.registry import judge_file
from wan_healthd.domain.digests import BLOCK_BYTES
from wan_healthd.domain.extents import ByteRange
from wan_healthd.domain.findings import Cause, CorruptionType, Finding, Severity
from wan_healthd.domain.scoring import status_of
from wan_healthd.domain.verdicts import HealthStatus

INCOMPLETE = CorruptionType.INCOMPLETE_DOWNLOAD
INVALID = CorruptionType.INVALID_FORMAT
MISMATCH = CorruptionType.CHECKSUM_MISMATCH
ALL_NAMES = names_touched(SOUND, ByteRange(0, len(SOUND)))
SIZE = len(SOUND)
MIB = BLOCK_BYTES


class Told(NamedTuple):
    """What the one finding says."""

    code: str
    corruption_type: CorruptionType
    ranges: tuple[tuple[int, int], ...] = ()
    tensors: tuple[str, ...] = ()
    cause: Cause | None = None
    severity: Severity = Severity.HIGH


class Damage(NamedTuple):
    """What happened to a file and what is told; None: nothing. `now` is None where nothing is expected."""

    now: bytes
    new_first: Told | None
    new_read: Told | None
    known_first: Told | None
    known_read: Told | None
    before: bytes = SOUND
    path: bytes = PATH
    written_at: int = 2


def alike(now: bytes, told: Told | None, **more: bytes) -> Damage:
    """Damage of which a read tells nothing more, and a baseline neither."""
    return Damage(now, told, told, told, told, **more)  # type: ignore[arg-type]


def mismatch(*blocks: int, cause: Cause = Cause.REWRITTEN) -> Told:
    """checksum-mismatch in these adjacent blocks of SOUND."""
    item = ByteRange(blocks[0] * MIB, min(SIZE, (blocks[-1] + 1) * MIB) - blocks[0] * MIB)
    return Told("checksum-mismatch", MISMATCH, ((item.offset, item.length),), names_touched(SOUND, item), cause)


def malformed(now: bytes, header_end: int = HEADER_END, cause: Cause = Cause.REWRITTEN, **more: int) -> Damage:
    """A broken header of the right size: without a baseline its place is not known, by a read it is a whole block."""
    told = Told("safetensors-malformed", INVALID)
    block = mismatch(0, cause=cause)
    return Damage(
        now,
        told,
        told,
        told._replace(ranges=((0, header_end),), cause=cause),
        block._replace(code=told.code, corruption_type=INVALID),
        **more,  # type: ignore[arg-type]
    )


def cut(now: bytes) -> Damage:
    """A file whose header still says how long it was."""
    item = ByteRange(len(now), SIZE - len(now))
    told = Told("safetensors-truncated", INCOMPLETE, ((item.offset, item.length),), names_touched(SOUND, item))
    return alike(now, told)


def cut_early(now: bytes) -> Damage:
    """A file that lost a part of its header too: only the baseline knows how long it was."""
    told = Told("safetensors-truncated", INCOMPLETE)
    known = told._replace(ranges=((len(now), SIZE - len(now)),))
    return Damage(now, told, told, known, known)


def zeros(size_bytes: int) -> Damage:
    """Only a read tells zeros from a broken header."""
    broken = Told("safetensors-malformed", INVALID)
    told = Told("all-zeros", INVALID, ((0, size_bytes),))
    known = broken._replace(ranges=((0, 8),), cause=Cause.REWRITTEN) if size_bytes == SIZE else broken
    return Damage(bytes(size_bytes), broken, told, known, told)


SHORT_RIVAL = sample(seed=2, size_bytes=2 << 20, tensors=12)
LONG_RIVAL = sample(seed=2, size_bytes=5 << 20, tensors=12)
SMALL, SMALLER = make({"a": ("U8", (9,), bytes(range(9)))}), make({"b": ("U8", (3,), b"xyz")})
BROKEN_RIVAL = zeroed(SHORT_RIVAL, 8, 1000)
LENGTH_TOO_LONG = flipped(SOUND, 3, 0)
LENGTH_TOO_SHORT = flipped(SOUND, 0, 3)
RENAMED_TENSOR = SOUND.replace(b"blocks.1.ffn.2.weight", b"blocks.1.ffn.2.height")

CONFIG = b'{"dim": 5120, "num_layers": 40}\n'
LONG_TEXT = bytes(range(256)) * 10_000


def config(now: bytes, known_first: Told | None, known_read: Told | None, before: bytes = CONFIG) -> Damage:
    """Without a baseline nothing is known of a file that has no format."""
    return Damage(now, None, None, known_first, known_read, before, JSON_PATH)


def shorter(now: bytes, before: bytes = CONFIG) -> Told:
    return Told("file-truncated", INCOMPLETE, ((len(now), len(before) - len(now)),))


def other(*ranges: tuple[int, int]) -> Told:
    return Told("checksum-mismatch", MISMATCH, ranges, (), Cause.REWRITTEN)


DAMAGES = {
    "nothing at all": alike(SOUND, None),
    "touched": Damage(SOUND, None, None, None, None, written_at=3),
    "a flipped bit": Damage(flipped(SOUND, MIB + 5), None, None, None, mismatch(1)),
    "a flipped bit that nobody wrote": Damage(
        flipped(SOUND, MIB + 5), None, None, None, mismatch(1, cause=Cause.DISK), written_at=1
    ),
    "a flipped bit in the short last block": Damage(flipped(SOUND, SIZE - 1), None, None, None, mismatch(3)),
    "4 KiB zeroed over a block's end": Damage(zeroed(SOUND, 2 * MIB - 2048), None, None, None, mismatch(1, 2)),
    "4 KiB zeroed from the beginning": malformed(zeroed(SOUND, 0), header_end=8),
    "the table zeroed": malformed(zeroed(SOUND, 8, HEADER_END - 8)),
    "a bit of the table flipped": malformed(flipped(SOUND, 9, 7)),
    "a bit of the table flipped by the disk": malformed(flipped(SOUND, 9, 7), cause=Cause.DISK, written_at=1),
    "a table that is valid but another one": Damage(RENAMED_TENSOR, None, None, None, mismatch(0)),
    "the length flipped to a smaller one": malformed(LENGTH_TOO_SHORT, header_end=HEADER_END - 8),
    "cut by one byte": cut(SOUND[:-1]),
    "cut by one tensor": cut(SOUND[:-TENSOR_BYTES]),
    "cut in half": cut(SOUND[: SIZE // 2]),
    "cut behind the header": cut(SOUND[:HEADER_END]),
    "cut inside the header": cut_early(SOUND[:500]),
    "cut behind the length": cut_early(SOUND[:8]),
    "cut inside the length": cut_early(SOUND[:5]),
    "one byte added": alike(SOUND + b"\0", Told("safetensors-trailing-bytes", INVALID, ((SIZE, 1),))),
    "all zeros": zeros(SIZE),
    "zeros, and half as many": zeros(SIZE // 2),
    "zeros, and too few for a length": Damage(
        bytes(3),
        Told("safetensors-truncated", INCOMPLETE),
        Told("all-zeros", INVALID, ((0, 3),)),
        Told("safetensors-truncated", INCOMPLETE, ((3, SIZE - 3),)),
        Told("all-zeros", INVALID, ((0, 3),)),
    ),
    "empty": Damage(
        b"",
        Told("file-empty", INCOMPLETE),
        Told("file-empty", INCOMPLETE),
        Told("file-empty", INCOMPLETE, ((0, SIZE),)),
        Told("file-empty", INCOMPLETE, ((0, SIZE),)),
    ),
    "rewritten with the same size": Damage(
        sample(seed=3, size_bytes=3 << 20, tensors=12), None, None, None, mismatch(0, 1, 2, 3)
    ),
    "replaced by a shorter sound file": Damage(
        SHORT_RIVAL,
        None,
        None,
        None,
        other((0, len(SHORT_RIVAL)))._replace(tensors=names_touched(SOUND, ByteRange(0, 2 * MIB))),
    ),
    "replaced by a longer sound file": Damage(
        LONG_RIVAL,
        None,
        None,
        None,
        other((0, len(LONG_RIVAL)))._replace(tensors=names_touched(SOUND, ByteRange(0, 3 * MIB))),
    ),
    "replaced by a sound file without a whole block": Damage(
        SMALLER, None, None, None, other((0, len(SMALLER))), before=SMALL
    ),
    "replaced by a shorter broken file": Damage(
        BROKEN_RIVAL,
        Told("safetensors-malformed", INVALID),
        Told("safetensors-malformed", INVALID),
        Told("safetensors-malformed", INVALID),
        Told(
            "safetensors-malformed",
            INVALID,
            ((0, len(BROKEN_RIVAL)),),
            names_touched(SOUND, ByteRange(0, 2 * MIB)),
            Cause.REWRITTEN,
        ),
    ),
    "config.json shortened": config(CONFIG[:-1], shorter(CONFIG[:-1]), shorter(CONFIG[:-1])),
    "config.json emptied": Damage(
        b"",
        Told("file-empty", INCOMPLETE),
        Told("file-empty", INCOMPLETE),
        Told("file-empty", INCOMPLETE, ((0, len(CONFIG)),)),
        Told("file-empty", INCOMPLETE, ((0, len(CONFIG)),)),
        before=CONFIG,
        path=JSON_PATH,
    ),
    "config.json grown": config(CONFIG + b"\n", None, other((0, len(CONFIG) + 1))),
    "config.json changed": config(CONFIG.replace(b"40", b"41"), None, other((0, len(CONFIG)))),
    "a long file of no format, cut": config(
        LONG_TEXT[:-9], shorter(LONG_TEXT[:-9], LONG_TEXT), shorter(LONG_TEXT[:-9], LONG_TEXT), LONG_TEXT
    ),
    "a long file of no format, shorter and other": config(
        b"x" + LONG_TEXT[10:], shorter(LONG_TEXT[9:], LONG_TEXT), other((0, len(LONG_TEXT) - 9)), LONG_TEXT
    ),
    "a long file of no format, appended to": config(
        LONG_TEXT + b"x", None, other((2 * MIB, len(LONG_TEXT) + 1 - 2 * MIB)), LONG_TEXT
    ),
}  # fmt: skip
EACH = pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)


def told_of(findings: tuple[Finding, ...], path: bytes) -> Told | None:
    """The one finding, in the terms of the table."""
    if not findings:
        return None
    (finding,) = findings
    assert finding.path == path.decode()
    assert finding.corruption_type is not None
    ranges = tuple((item.offset, item.length) for item in finding.ranges)
    return Told(finding.code, finding.corruption_type, ranges, finding.tensors, finding.cause, finding.severity)


@EACH
def test_the_first_word_on_a_new_file(damage: Damage) -> None:
    evidence = first_word(damage.now, path=damage.path, written_at=damage.written_at)
    assert told_of(judge_file(evidence), damage.path) == damage.new_first


@EACH
def test_a_new_file_once_it_was_read(damage: Damage) -> None:
    evidence = read(first_word(damage.now, path=damage.path, written_at=damage.written_at), damage.now)
    assert told_of(judge_file(evidence), damage.path) == damage.new_read


@EACH
def test_the_first_word_on_a_known_file(damage: Damage) -> None:
    evidence = first_word(damage.now, damage.before, path=damage.path, written_at=damage.written_at)
    assert told_of(judge_file(evidence), damage.path) == damage.known_first


@EACH
def test_a_known_file_once_it_was_read(damage: Damage) -> None:
    evidence = first_word(damage.now, damage.before, path=damage.path, written_at=damage.written_at)
    assert told_of(judge_file(read(evidence, damage.now, damage.before)), damage.path) == damage.known_read


@EACH
def test_damage_is_never_healthy_and_soundness_always(damage: Damage) -> None:
    evidence = first_word(damage.now, damage.before, path=damage.path, written_at=damage.written_at)
    status = status_of(judge_file(read(evidence, damage.now, damage.before)))
    assert status is (HealthStatus.HEALTHY if damage.known_read is None else HealthStatus.CORRUPTED)


@EACH
def test_damage_is_told_in_one_printable_line_with_a_way_out(damage: Damage) -> None:
    evidence = first_word(damage.now, damage.before, path=damage.path, written_at=damage.written_at)
    for finding in judge_file(read(evidence, damage.now, damage.before)):
        assert finding.message.isprintable()
        assert finding.suggestion.isprintable()
        assert damage.path.rsplit(b"/", 1)[-1].decode() in finding.message


def test_a_length_that_leads_out_of_the_file_is_blamed_on_the_length_alone() -> None:
    (finding,) = judge_file(first_word(LENGTH_TOO_LONG, SOUND))
    assert (finding.code, finding.ranges) == ("safetensors-malformed", (ByteRange(0, 8),))
    assert "its size is right, so its header is wrong" in finding.message


def test_the_same_length_on_a_new_file_reads_as_a_cut() -> None:
    (finding,) = judge_file(first_word(LENGTH_TOO_LONG))
    assert (finding.code, finding.corruption_type) == ("safetensors-truncated", INCOMPLETE)


MESSAGES = {
    "cut by one byte": f"a.safetensors is cut off: {SIZE - 1} of {SIZE} bytes (1 missing), touching tensor {ALL_NAMES[-1]}",
    "one byte added": f"a.safetensors is too long: {SIZE + 1} bytes instead of {SIZE} (1 behind its end)",
    "all zeros": "a.safetensors holds nothing but zero bytes",
    "config.json shortened": "config.json is too short: 31 of 32 bytes (1 missing)",
    "config.json grown": (
        "config.json differs from its baseline in block 0 (33 bytes at offset 0), with 33 bytes instead of 32:"
        " somebody wrote to it"
    ),
    "a flipped bit that nobody wrote": (
        "a.safetensors differs from its baseline in block 1 (1048576 bytes at offset 1048576), touching tensor"
        f" {ALL_NAMES[3]} and 4 more: nobody wrote to it, so the disk changed it"
    ),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_messages_read_well(name: str) -> None:
    damage = DAMAGES[name]
    evidence = first_word(damage.now, damage.before, path=damage.path, written_at=damage.written_at)
    (finding,) = judge_file(read(evidence, damage.now, damage.before))
    assert str(finding) == MESSAGES[name]
