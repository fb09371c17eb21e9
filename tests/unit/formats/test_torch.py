"""What may stand behind the names that torch loads: told apart, and not accused where it may be something else."""

from __future__ import annotations

import pickle

import pytest

from tests.fakes.torch_files import archive, legacy, torch_archive
from tests.fakes.windows import BytesWindow
from wan_healthd.domain.evidence import HeaderFacts, Impostor
from wan_healthd.formats import torch

LEGACY = legacy({"1": ("FloatStorage", bytes(40))})
PAGE = b"<!DOCTYPE html><html><body>404</body></html>"
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"ab" * 32 + b"\nsize 123456\n"


def judged(data: bytes) -> HeaderFacts:
    return torch.judge(BytesWindow(data))


@pytest.mark.parametrize(
    ("data", "name"),
    [(torch_archive(), "torch-zip"), (archive(), "torch-zip"), (LEGACY, "torch-legacy")],
)
def test_both_kinds_are_known(data: bytes, name: str) -> None:
    facts = judged(data)
    assert (facts.format, facts.fault, facts.undecided) == (name, None, None)


@pytest.mark.parametrize("data", [torch_archive(), LEGACY])
def test_every_beginning_is_a_fault(data: bytes) -> None:
    for length in range(len(data)):
        fault = judged(data[:length]).fault
        assert fault is not None, length
        assert fault.code == "truncated" or length < 4


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "header-too-short"),
        (bytes(5), "header-too-short"),
        (bytes(100), "zeros"),
        (bytes(1 << 20), "zeros"),
        (b"PK\5\6" + bytes(18), "not-torch-archive"),
        (b"GGUF" + bytes(100), "not-torch"),
        (b"\x93NUMPY" + bytes(100), "not-torch"),
    ],
)
def test_what_nobody_can_load_is_a_fault(data: bytes, code: str) -> None:
    facts = judged(data)
    assert facts.fault is not None
    assert (facts.format, facts.fault.code) == ("torch", code)


@pytest.mark.parametrize(
    ("data", "impostor"),
    [(PAGE, Impostor.HTML), (POINTER, Impostor.LFS_POINTER), (b'{"error": "not found"}', Impostor.JSON_ERROR)],
)
def test_impostors_are_named(data: bytes, impostor: Impostor) -> None:
    facts = judged(data)
    assert facts.fault is not None
    assert facts.impostor is impostor


@pytest.mark.parametrize(
    "data",
    [
        pickle.dumps({"weights": [1.0] * 50}, 2),
        pickle.dumps({"weights": [1.0] * 50}, 5),
        pickle.dumps({"weights": [1.0] * 2000}, 0),
        b"storages".ljust(257, b"\0") + b"ustar" + bytes(500),
        bytes(100) + b"weights" + bytes(100),
        bytes(range(1, 200)),
    ],
    ids=["pickle 2", "pickle 5", "pickle 0", "tar", "starts with zeros", "anything"],
)
def test_what_may_be_something_else_is_not_accused(data: bytes) -> None:
    facts = judged(data)
    assert (facts.format, facts.fault, facts.undecided) == ("torch", None, "unknown-to-us")
    assert facts.undecided_detail
