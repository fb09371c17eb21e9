"""Two experts in one content, and content that stands in another one's place."""

from __future__ import annotations

import hashlib

import msgspec
import pytest

from tests.fakes.safetensors_files import sample
from tests.unit.checks.scenes import SOUND, first_word, read
from tests.unit.checks.test_models import WHOLE
from wan_healthd.checks.registry import judge_file, judge_model
from wan_healthd.domain.evidence import Claim, Twins
from wan_healthd.domain.files import VerifiedBy
from wan_healthd.domain.scoring import status_of
from wan_healthd.domain.verdicts import HealthStatus

OTHER = sample(seed=2, size_bytes=3 << 20, tensors=12)
HOME = b"/models/wan/low_noise_model/a.safetensors"


def pair(number: int, proven: str = "") -> Twins:
    high, low = (b"/models/wan/%s_noise_model/%d.safetensors" % (side, number) for side in (b"high", b"low"))
    return Twins(high, low, {"": None, "high": high, "low": low}[proven])


@pytest.mark.parametrize(
    ("twins", "says"),
    [
        ([pair(1)], "high_noise_model/1.safetensors and low_noise_model/1.safetensors hold the very same bytes: one was"),
        ([pair(1), pair(2)], "very same bytes (and so does one more pair): one was copied over the other; which"),
        ([pair(1), pair(2), pair(3)], "(and so do 2 more pairs): one was"),
        ([pair(1, "low")], "low_noise_model/1.safetensors is right, so it is high_noise_model/1.safetensors that must be"),
        ([pair(1, "high")], "high_noise_model/1.safetensors is right, so it is low_noise_model/1.safetensors that must be"),
    ],
)
def test_twins_are_advice_that_names_both(twins: list[Twins], says: str) -> None:
    (finding,) = judge_model(msgspec.structs.replace(WHOLE, twins=tuple(twins)))
    assert (finding.code, finding.corruption_type, finding.path) == ("experts-identical", None, "/models/wan")
    assert says in finding.message
    assert status_of([finding]) is HealthStatus.HEALTHY


def test_files_beside_one_another_are_named_without_folders() -> None:
    (finding,) = judge_model(msgspec.structs.replace(WHOLE, twins=(Twins(b"/m/a_high.gguf", b"/m/a_low.gguf"),)))
    assert finding.message.startswith("a_high.gguf and a_low.gguf hold")


def test_content_with_a_home_elsewhere_was_swapped_by_the_word_of_the_baseline() -> None:
    evidence = read(first_word(OTHER, SOUND), OTHER, SOUND)
    (finding,) = judge_file(msgspec.structs.replace(evidence, home=HOME))
    assert (finding.code, finding.corruption_type) == ("checksum-mismatch", "checksum_mismatch")
    assert f"it holds what belongs to {HOME.decode()}: the two were swapped, or one was copied over" in finding.message
    assert "rename each to the other's name" in finding.suggestion
    (without,) = judge_file(evidence)
    assert "somebody wrote to it" in without.message


def test_content_with_a_home_elsewhere_was_swapped_by_the_word_of_a_claim() -> None:
    claim = Claim(VerifiedBy.HF_TREE, "the tree", len(OTHER), hashlib.sha256(SOUND).hexdigest())
    evidence = read(first_word(OTHER), OTHER)
    (finding,) = judge_file(msgspec.structs.replace(evidence, claims=(claim,), home=HOME))
    assert "differs from its published content (the tree) in its digest: it holds what belongs to" in finding.message
    assert "rename each" in finding.suggestion
