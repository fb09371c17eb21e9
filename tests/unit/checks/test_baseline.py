"""Nothing launders damage: which bytes may become, or move, the baseline of their path."""

from __future__ import annotations

import msgspec
import pytest

from tests.unit.checks.scenes import SOUND, first_word, flipped, identity, read
from wan_healthd.checks.baseline import vouched_by
from wan_healthd.checks.registry import judge_file
from wan_healthd.domain.digests import Assurance
from wan_healthd.domain.evidence import ContentReading, FileEvidence
from wan_healthd.domain.extents import ByteRange
from wan_healthd.domain.files import VerifiedBy

BROKEN = flipped(SOUND, 2_000_000)
UNREADABLE = msgspec.structs.replace(
    first_word(SOUND), content=ContentReading(None, Assurance.DISK, unreadable=(ByteRange(0, 4096),))
)
SCRUBBED = msgspec.structs.replace(first_word(SOUND), content=ContentReading(None, Assurance.DISK))
ZEROS = bytes(4096)

BECOMES = {
    "sound and new": (read(first_word(SOUND), SOUND), True),
    "not read": (first_word(SOUND), False),
    "not read whole": (UNREADABLE, False),
    "read in part": (SCRUBBED, False),
    "broken": (read(first_word(SOUND + b"x"), SOUND + b"x"), False),
    "zeros": (read(first_word(ZEROS), ZEROS), False),
}
MOVES = {
    "touched, the same bytes": (read(first_word(SOUND, SOUND), SOUND, SOUND), True),
    "in the same state": (read(first_word(SOUND, SOUND, written_at=1), SOUND, SOUND), False),
    "changed": (read(first_word(BROKEN, SOUND), BROKEN, SOUND), False),
    "not read": (first_word(SOUND, SOUND), False),
    "read right only the second time": (read(first_word(SOUND, SOUND), BROKEN, SOUND, again=SOUND), False),
}


@pytest.mark.parametrize(("evidence", "expected"), BECOMES.values(), ids=BECOMES)
def test_only_the_first_whole_and_faultless_bytes_become_the_baseline(evidence: FileEvidence, expected: bool) -> None:
    assert vouched_by(evidence, judge_file(evidence)) == (VerifiedBy.BASELINE if expected else None)


@pytest.mark.parametrize(("evidence", "expected"), MOVES.values(), ids=MOVES)
def test_only_the_same_bytes_in_a_new_state_move_the_baseline(evidence: FileEvidence, expected: bool) -> None:
    assert vouched_by(evidence, judge_file(evidence)) == (VerifiedBy.BASELINE if expected else None)


def test_a_new_identity_alone_moves_nothing() -> None:
    evidence = first_word(SOUND, SOUND)
    assert evidence.look.identity != identity(SOUND)
    assert vouched_by(evidence, ()) is None


def test_crcs_of_its_own_vouch_for_a_file_that_nobody_else_knows() -> None:
    evidence = read(first_word(SOUND), SOUND)
    assert evidence.content is not None
    checked = msgspec.structs.replace(evidence, content=msgspec.structs.replace(evidence.content, crc_checked=True))
    assert vouched_by(checked, ()) is VerifiedBy.ZIP_CRC
