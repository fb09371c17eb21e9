"""What the fuzzer found stays true: each input that mattered keeps every promise of its parser."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fakes import gguf_files, torch_files
from tests.fuzz.seeds import SEEDS
from tests.fuzz.targets import TARGETS

CORPUS = Path(__file__).parent / "corpus"
MAX_INPUT_BYTES = 4 << 10
MAX_CORPUS_BYTES = 150 << 10


def keys_that_are_slow_to_show() -> bytes:
    return gguf_files.header([gguf_files.text_entry(b"\1" * 70 + b"%06d" % number, b"") for number in range(150_000)])


def names_that_are_slow_to_show() -> bytes:
    names = {f"a/data/{number}" + "\1" * 60_000: b"" for number in range(95)}
    return torch_files.torch_archive({**torch_files.RECORDS, **names})


def varints_as_long_as_can_be() -> bytes:
    tail = b"\x80" * 8 + b"\0"
    return (b"\x88" + tail + b"\x81" + tail) * 200_000


TOO_LARGE_TO_KEEP: dict[str, tuple[str, Callable[[], bytes]]] = {
    "keys that are slow to show": ("gguf", keys_that_are_slow_to_show),
    "names that are slow to show": ("torch-zip", names_that_are_slow_to_show),
    "varints as long as can be": ("onnx", varints_as_long_as_can_be),
    "a name of nothing but dots": ("sums", lambda: b"1f" * 32 + b"  " + b"./" * 500_000),
    "an unknown field of a megabyte": ("manifest", lambda: b'{"a":{"' + b"b" * 1_000_000 + b'":1}}'),
    "a name of a megabyte, twice": ("manifest", lambda: b"{" + b",".join([b'"' + b"\x7f" * 1_000_000 + b'":{}'] * 2) + b"}"),
}
"""Bounds that were broken, with inputs that only a rule can describe."""


def inputs(name: str) -> list[Path]:
    return sorted((CORPUS / name).iterdir())


@pytest.mark.parametrize("name", TARGETS)
def test_no_input_breaks_a_promise(name: str) -> None:
    target = TARGETS[name]
    kept = inputs(name)
    assert kept
    for path in kept:
        try:
            target(path.read_bytes())
        except Exception as error:
            raise AssertionError(f"{path} breaks a promise") from error


@pytest.mark.parametrize("name", TARGETS)
def test_no_seed_breaks_a_promise(name: str) -> None:
    for seed in SEEDS[name]:
        TARGETS[name](seed)


@pytest.mark.parametrize("case", TOO_LARGE_TO_KEEP)
def test_no_large_input_breaks_a_bound(case: str) -> None:
    name, make = TOO_LARGE_TO_KEEP[case]
    TARGETS[name](make())


def test_the_corpus_stays_small_and_known() -> None:
    assert {folder.name for folder in CORPUS.iterdir()} == set(TARGETS)
    sizes = [path.stat().st_size for name in TARGETS for path in inputs(name)]
    assert max(sizes) <= MAX_INPUT_BYTES
    assert sum(sizes) <= MAX_CORPUS_BYTES
