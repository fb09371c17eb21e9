"""Evidence as the services gather it, made from bytes in memory: what the file held once, what it holds now, what was read."""

from __future__ import annotations

import hashlib

from blake3 import blake3

from tests.fakes.safetensors_files import sample
from wan_healthd.domain.comparison import blocks_of, compare
from wan_healthd.domain.digests import BLOCK_BYTES, Assurance, BlockMap
from wan_healthd.domain.evidence import ContentReading, Expectation, FileEvidence, HeaderFacts, KnownFile, SecondRead
from wan_healthd.domain.extents import ByteRange, ranges_of_blocks
from wan_healthd.domain.files import FileLook, Presence, Role, VerifiedBy
from wan_healthd.domain.identity import FileIdentity, FileMode
from wan_healthd.formats import safetensors

PATH = b"/models/wan/a.safetensors"
JSON_PATH = b"/models/wan/config.json"
MODE = FileMode(0o644, 1000, 1000)

SOUND = sample(seed=1, size_bytes=3 << 20, tensors=12)
"""Four blocks, the last of 1184 bytes; the header ends at byte 1184, each tensor has 256 KiB."""
HEADER_END = 1184
TENSOR_BYTES = 1 << 18


def header_of(data: bytes) -> HeaderFacts:
    """What the worker finds out about a safetensors file of these bytes."""
    length = safetensors.judge_length(data[: safetensors.LENGTH_BYTES], len(data))
    if isinstance(length, HeaderFacts):
        return length
    return safetensors.judge(data[safetensors.LENGTH_BYTES : safetensors.LENGTH_BYTES + length], len(data))


def names_touched(data: bytes, *ranges: ByteRange) -> tuple[str, ...]:
    """Tensors of a sound file that lie in the ranges."""
    end = safetensors.LENGTH_BYTES + int.from_bytes(data[:8], "little")
    return safetensors.tensors_touched(data[8:end], ranges).names


def identity(data: bytes, written_at: int = 1) -> FileIdentity:
    return FileIdentity("ext4-1", 7, len(data), written_at, written_at)


def look(data: bytes, written_at: int = 1, *, mode: FileMode = MODE, allocated_bytes: int | None = None) -> FileLook:
    allocated = len(data) if allocated_bytes is None else allocated_bytes
    return FileLook(Presence.FILE, identity(data, written_at), mode, allocated)


def baseline(data: bytes) -> Expectation:
    return Expectation(VerifiedBy.BASELINE, len(data), hashlib.sha256(data).hexdigest(), identity(data))


def block_map(data: bytes) -> BlockMap:
    return BlockMap(
        len(data), b"".join(blake3(data[at : at + BLOCK_BYTES]).digest() for at in range(0, len(data), BLOCK_BYTES))
    )


def first_word(
    now: bytes, before: bytes | None = None, *, path: bytes = PATH, written_at: int = 2, allocated_bytes: int | None = None
) -> FileEvidence:
    """What is known before a byte of the content is read; `written_at` 1 means that nobody wrote since the baseline."""
    return FileEvidence(
        path=path,
        role=Role.WEIGHTS if path.endswith(b".safetensors") else Role.SUPPORT,
        look=look(now, written_at, allocated_bytes=allocated_bytes),
        known=None if before is None else KnownFile(len(before), MODE),
        expectation=None if before is None else baseline(before),
        header=header_of(now) if path.endswith(b".safetensors") else None,
    )


def read(evidence: FileEvidence, now: bytes, before: bytes | None = None, again: bytes | None = None) -> FileEvidence:
    """The evidence after a read that saw `now`, and a second read of what differed that saw `again`."""
    content = reading(now, before, now if again is None else again, with_header=evidence.header is not None)
    return FileEvidence(
        evidence.path, evidence.role, evidence.look, evidence.known, evidence.expectation, evidence.header, content
    )


def reading(now: bytes, before: bytes | None, again: bytes, *, with_header: bool = True) -> ContentReading:
    sha256 = hashlib.sha256(now).hexdigest()
    all_zero = len(now) > 0 and not any(now)
    if before is None:
        return ContentReading(sha256, Assurance.DISK, all_zero=all_zero)
    seen, repeated, expected = block_map(now), block_map(again), block_map(before)
    found = compare(seen, expected)
    suspects = blocks_of(found.differing)
    second = None
    if suspects and not all_zero:
        still = [block for block in suspects if repeated.digest_of(block) != expected.digest_of(block)]
        same = all(repeated.digest_of(block) == seen.digest_of(block) for block in suspects)
        second = SecondRead(ranges_of_blocks(still, len(before)), same)
    damaged = found.differing if second is None else second.still_differing
    tensors = names_touched(before, *damaged) if with_header else ()
    return ContentReading(
        sha256,
        Assurance.DISK,
        all_zero=all_zero,
        matches=found.matches,
        differing=found.differing,
        second=second,
        tensors=tensors,
        tensors_total=len(tensors),
        in_header=with_header and bool(damaged) and damaged[0].offset < HEADER_END,
        prefix_matches=found.prefix_matches,
    )


def flipped(data: bytes, byte: int, bit: int = 0) -> bytes:
    return data[:byte] + bytes([data[byte] ^ 1 << bit]) + data[byte + 1 :]


def zeroed(data: bytes, offset: int, length: int = 4096) -> bytes:
    return data[:offset] + bytes(length) + data[offset + length :]
