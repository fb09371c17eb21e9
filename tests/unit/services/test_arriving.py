"""Between two files of a download: what is absent may still be on its way, unless somebody waits for the answer."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.fakes.safetensors_files import sample
from tests.fakes.workshop import Workshop
from tests.unit.services.scenario import play
from wan_healthd.domain.models import Layout, Model
from wan_healthd.host.files import LocalFiles
from wan_healthd.services.arriving import FRESH_S, LULL_S, is_arriving

NOW_S = 1_700_000_000.0
NOTE = "wan/.cache/huggingface/download/high/a.safetensors.metadata"
PARTIAL = "wan/.cache/huggingface/download/high/x.0a1b2c3d.incomplete"


def put(root: Path, name: str, age_s: float) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    os.utime(path, (NOW_S - age_s, NOW_S - age_s))


@pytest.mark.parametrize(
    ("name", "age_s", "arriving", "may_lull"),
    [
        (PARTIAL, FRESH_S - 1, True, False),
        (PARTIAL, FRESH_S + 1, False, True),
        (NOTE, LULL_S - 1, True, True),
        (NOTE, LULL_S + 1, False, True),
        (NOTE, -5, False, True),
        (NOTE, 1, False, False),
        ("wan/a.safetensors", 1, False, True),
    ],
)
def test_signs_of_life(tmp_path: Path, name: str, age_s: float, arriving: bool, may_lull: bool) -> None:
    put(tmp_path, name, age_s)
    root = os.fsencode(tmp_path)
    model = Model("wan", Layout.LOCAL_DIR, root + b"/wan", root)
    files = LocalFiles()
    try:
        listing = files.list_folder(root, model.path)
        assert is_arriving(files, model, listing, NOW_S, may_lull=may_lull) is arriving
    finally:
        files.close()


def test_what_may_be_on_its_way_is_looked_for_later(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put("wan/w-00001-of-00002.safetensors", sample(1, 4000, 2))
        note = shop.put(NOTE, b"x")
        os.utime(note, (shop.clock.now().timestamp(),) * 2)
        await shop.sweep()
        assert await shop.state("wan/w-00002-of-00002.safetensors") is None
        assert shop.looked_for_later == [shop.path("wan")]
        shop.clock.advance(LULL_S + 1)
        await shop.sweep()
        assert await shop.codes("wan/w-00002-of-00002.safetensors") == ["file-missing"]
        assert shop.looked_for_later == [shop.path("wan")]

    play(tmp_path, scenario)
