"""The index of a sharded model, alone and against its shards."""

from __future__ import annotations

import json
import zlib

import pytest

from tests.fakes.safetensors_files import make
from tests.fakes.windows import BytesWindow
from wan_healthd.domain.evidence import Impostor
from wan_healthd.formats import safetensors, shard_index
from wan_healthd.formats.shard_index import ShardIndex
from wan_healthd.formats.strict_json import TooMuch

ONE, TWO = (f"diffusion_pytorch_model-0000{number}-of-00002.safetensors" for number in (1, 2))
MAP = {"a": ONE, "b": ONE, "c": TWO}


def text(weight_map: object, **metadata: object) -> bytes:
    return json.dumps({"metadata": metadata, "weight_map": weight_map}).encode()


def test_an_index_is_read_and_kept() -> None:
    content = text(MAP, total_size=24)
    facts = shard_index.judge(BytesWindow(content))
    assert (facts.format, facts.fault, facts.undecided, facts.tensor_count) == ("shard-index", None, None, 3)
    assert facts.packed_header is not None
    index = shard_index.parse(zlib.decompress(facts.packed_header))
    assert index == ShardIndex(MAP, 24)
    assert index.shards == (ONE, TWO)


TOTALS: list[tuple[object, int | None]] = [
    (24, 24),
    (24.0, 24),
    (0.5, None),
    (-1, None),
    (1e300, None),
    (None, None),
    ("24", None),
    (True, None),
    ([], None),
]


@pytest.mark.parametrize(("total", "expected"), TOTALS)
def test_a_total_that_is_no_number_is_none(total: object, expected: int | None) -> None:
    assert shard_index.parse(text(MAP, total_size=total)).total_size == expected


@pytest.mark.parametrize("metadata", [b"null", b"[]", b"{}", b'"x"'])
def test_metadata_of_any_shape(metadata: bytes) -> None:
    assert shard_index.parse(b'{"metadata":' + metadata + b',"weight_map":{"a":"b"}}').total_size is None


FAULTY = {
    "not JSON": (b"{]", "not-json"),
    "cut": (text(MAP)[:-9], "truncated"),
    "no weight map": (b'{"metadata":{}}', "not-an-index"),
    "array": (b"[1]", "not-an-index"),
    "map of numbers": (text({"a": 1}), "not-an-index"),
    "empty map": (text({}), "empty-index"),
    "parent": (text({"a": "../x.safetensors"}), "shard-name"),
    "two dots": (text({"a": ".."}), "shard-name"),
    "folder": (text({"a": "x/y.safetensors"}), "shard-name"),
    "absolute": (text({"a": "/etc/passwd"}), "shard-name"),
    "empty name": (text({"a": ""}), "shard-name"),
    "NUL": (text({"a": "x\0y"}), "shard-name"),
    "long name": (text({"a": "é" * 128}), "shard-name"),
    "terminal escape": (text({"a": "/\x1b[2J"}), "shard-name"),
}


@pytest.mark.parametrize("name", FAULTY)
def test_what_is_no_index_has_a_fault(name: str) -> None:
    content, code = FAULTY[name]
    facts = shard_index.judge(BytesWindow(content))
    assert facts.format == "shard-index"
    assert facts.fault is not None
    assert facts.fault.code == code
    assert facts.fault.detail.isprintable()


def test_an_error_message_is_an_impostor() -> None:
    facts = shard_index.judge(BytesWindow(b'{"error":"Entry not found"}'))
    assert (facts.impostor, facts.format) == (Impostor.JSON_ERROR, "shard-index")


def test_bounds() -> None:
    keys = text({str(number): ONE for number in range(shard_index.MAX_KEYS + 1)})
    assert shard_index.judge(BytesWindow(keys)).undecided == "header-too-large-to-judge"
    padded = text(MAP) + b" " * (16 << 20)
    assert shard_index.judge(BytesWindow(padded)).undecided == "header-too-large-to-judge"
    with pytest.raises(TooMuch):
        shard_index.parse(padded)
    large = text({f"{number}": "x" * 200 for number in range(30_000)})
    facts = shard_index.judge(BytesWindow(large))
    assert (facts.fault, facts.undecided, facts.packed_header) == (None, None, None)


@pytest.mark.parametrize(
    ("shard", "names", "absent"),
    [
        (ONE, {"a", "b"}, []),
        (ONE, {"a", "b", "more"}, []),
        (ONE, {"c"}, ["a", "b"]),
        (TWO, {"a", "b"}, ["c"]),
        ("of no index", set(), []),
    ],
)
def test_keys_that_a_shard_has_not(shard: str, names: set[str], absent: list[str]) -> None:
    assert shard_index.absent_keys(ShardIndex(MAP, None), shard, names) == absent


def test_names_come_from_the_shards_headers() -> None:
    data = make({"a": ("F32", (2,), bytes(8)), "e": ("F32", (0,), b"")})
    facts = safetensors.judge(data[8 : 8 + int.from_bytes(data[:8], "little")], len(data))
    assert facts.packed_header is not None
    assert safetensors.tensor_names(zlib.decompress(facts.packed_header)) == {"a", "e"}
    assert safetensors.tensor_names(b"[]") == frozenset()
