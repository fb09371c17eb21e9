"""An index whose `total_size` is not the sum of its shards, which is worth a word."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fakes.safetensors_files import make
from tests.fakes.workshop import Workshop
from tests.unit.services.scenario import play
from wan_healthd.domain.verdicts import HealthStatus

INDEX = "m/model.safetensors.index.json"
FIRST, SECOND = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"
MAP = {"a": FIRST, "b": FIRST, "c": SECOND}
ONE, TWO, THREE = (make({name: ("F32", [2], bytes(8)) for name in names}) for names in ("ab", "cx", "cxy"))
TOTAL = 32
"""With the tensor that the index does not name."""


def put(shop: Workshop, total: object, table: dict[str, str] | None = None) -> None:
    shop.put(f"m/{FIRST}", ONE)
    shop.put(f"m/{SECOND}", TWO)
    document = {"metadata": {"total_size": total}, "weight_map": MAP if table is None else table}
    shop.put(INDEX, json.dumps(document).encode())


def test_another_total_is_advice_at_the_index(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        put(shop, TOTAL + 8)
        await shop.sweep()
        (finding,) = await shop.findings(INDEX)
        assert (finding.code, finding.is_advice, finding.severity) == ("index-total-differs", True, "low")
        assert f"{TOTAL + 8} bytes" in finding.message and f"hold {TOTAL}" in finding.message
        assert (await shop.result("m")).health_status is HealthStatus.HEALTHY
        shop.put(f"m/{SECOND}", THREE)
        await shop.judge(INDEX)
        assert await shop.codes(INDEX) == []

    play(tmp_path, scenario)


def cut(shop: Workshop) -> None:
    shop.put(f"m/{SECOND}", TWO[:-1])


def remove(shop: Workshop) -> None:
    os.unlink(shop.path(f"m/{SECOND}"))


def pad(shop: Workshop) -> None:
    """More text than is kept of an index."""
    table = {f"{number}": FIRST + "x" * 190 for number in range(20_000)}
    shop.put(INDEX, json.dumps({"metadata": {"total_size": 1}, "weight_map": table}).encode())


@pytest.mark.parametrize("spoil", [cut, remove, pad], ids=["cut", "absent", "a huge index"])
def test_nothing_is_said_where_a_shard_cannot_be_added_up(tmp_path: Path, spoil: Callable[[Workshop], None]) -> None:
    async def scenario(shop: Workshop) -> None:
        put(shop, TOTAL + 1)
        await shop.sweep_roster()
        spoil(shop)
        await shop.judge(INDEX)
        assert "index-total-differs" not in await shop.codes(INDEX)

    play(tmp_path, scenario)


@pytest.mark.parametrize(
    ("total", "table"),
    [
        (TOTAL, None),
        (float(TOTAL), None),
        (None, None),
        (7, {f"{number}": f"w{number}.safetensors" for number in range(1001)}),
        (7, {"a": "pytorch_model.bin"}),
    ],
    ids=["right", "right as a fraction", "none", "too many shards", "shards of another format"],
)
def test_totals_that_are_right_or_not_known_are_silent(tmp_path: Path, total: object, table: dict[str, str] | None) -> None:
    async def scenario(shop: Workshop) -> None:
        put(shop, total, table)
        await shop.judge(INDEX)
        assert "index-total-differs" not in await shop.codes(INDEX)

    play(tmp_path, scenario)


def test_no_descriptor_stays_open(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        put(shop, TOTAL)
        await shop.judge(INDEX)
        before = len(os.listdir("/proc/self/fd"))
        await shop.judge(INDEX)
        assert len(os.listdir("/proc/self/fd")) == before

    play(tmp_path, scenario)
