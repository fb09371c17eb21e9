"""Whatever happens to a tree, a sweep that passes by folders finds at least what one that visits every folder finds.

After each few changes a sweep that may pass by is followed by a thorough one over the same state; neither judges. What the
thorough one enqueues, enrols or counts and the other does not was passed by wrongly. Then everything is judged, and the tree
changes again.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct

from tests.fakes.dry_queue import DryQueue
from tests.fakes.safetensors_files import sample
from tests.fakes.workshop import Workshop, workshop
from wan_healthd.domain.errors import HealthdError
from wan_healthd.services.orders import Findings, Order
from wan_healthd.services.queue import Priority, Ticket
from wan_healthd.services.roots import RootKeeper
from wan_healthd.services.sweep import Sweeper

TICK_S = 0.012
"""Longer than a tick of the kernel's clock, so that each round's changes show in the time stamps."""

TMPFS = Path("/dev/shm")
COMMITS = ["a" * 40, "b" * 40]
REPO = "models--Org--Name"
PLACES = [
    "flux/w.safetensors",
    "flux/config.json",
    "flux/model_index.json",
    "flux/model.safetensors.index.json",
    "flux/vae/diffusion_pytorch_model.safetensors",
    "flux/vae/config.json",
    "flux/.cache/huggingface/download/w.safetensors.metadata",
    "flux/.cache/huggingface/download/x.incomplete",
    "loras/a.safetensors",
    "loras/a.safetensors.aria2",
    "loras/b.safetensors",
    "models/vae/v.safetensors",
    "models/diffusion_models/wan2.2_i2v_high_noise_14B_fp16.safetensors",
    "notes.md",
    f"{REPO}/refs/main",
    f"{REPO}/blobs/one",
    f"{REPO}/blobs/two.incomplete",
    f"{REPO}/snapshots/{COMMITS[0]}/w.safetensors",
    f"{REPO}/snapshots/{COMMITS[1]}/w.safetensors",
]
FOLDERS = [
    "flux",
    "flux/vae",
    "flux/.cache",
    "loras",
    "models/vae",
    "models",
    REPO,
    f"{REPO}/snapshots/{COMMITS[0]}",
    "new/deep",
]
CONTENTS = [
    sample(3, 400, 1),
    sample(4, 400, 1),
    sample(5, 800, 2),
    b'{"vae": ["diffusers", "AutoencoderKL"]}',
    b'{"weight_map": {"a": "w.safetensors", "b": "missing.safetensors"}}',
    COMMITS[0].encode(),
    COMMITS[1].encode(),
    b"",
]
STATED = [(), (("mine", "flux"),), (("lora", "loras/a.safetensors"), ("gone", "nowhere"))]


class Playground:
    """A tree and what may happen to it; nothing that cannot be done now is an error."""

    def __init__(self, top: Path, chance: random.Random) -> None:
        self.root = top / "root"
        self.aside = top / "aside"
        self.aside.mkdir()
        self.outside = top / "outside"
        self.outside.write_bytes(b"what a link out of the root leads to")
        self.root.mkdir()
        self._chance = chance

    def change(self) -> None:
        doings = (self._write, self._write, self._rewrite, self._remove, self._rename, self._link, self._chmod, self._backdate)
        wide = (self._mkdir, self._move_out, self._move_in, self._move_within, self._drop_folder, self._hard_link)
        with contextlib.suppress(OSError, shutil.Error):
            self._chance.choice((*doings, *wide))()

    def _place(self) -> Path:
        return self.root / self._chance.choice(PLACES)

    def _folder(self) -> Path:
        return self.root / self._chance.choice(FOLDERS)

    def _write(self) -> None:
        path = self._place()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.write_bytes(self._chance.choice(CONTENTS))

    def _rewrite(self) -> None:
        """In place, through links too."""
        with self._place().open("r+b") as file:
            file.write(self._chance.choice(CONTENTS))

    def _remove(self) -> None:
        self._place().unlink()

    def _rename(self) -> None:
        self._place().rename(self._place())

    def _hard_link(self) -> None:
        os.link(self._place(), self._place())

    def _link(self) -> None:
        path = self._place()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        inside = os.path.relpath(self._chance.choice([self._place(), self._folder()]), path.parent)
        path.symlink_to(self._chance.choice([inside, inside, str(self._place()), str(self.outside)]))

    def _chmod(self) -> None:
        self._place().chmod(self._chance.choice([0o000, 0o600, 0o644]))

    def _backdate(self) -> None:
        path = self._place()
        before = path.stat()
        with path.open("r+b") as file:
            file.write(b"\x01")
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    def _mkdir(self) -> None:
        self._folder().mkdir(parents=True)

    def _move_out(self) -> None:
        self._folder().rename(self.aside / str(self._chance.randrange(3)))

    def _move_in(self) -> None:
        (self.aside / str(self._chance.randrange(3))).rename(self._folder())

    def _move_within(self) -> None:
        self._folder().rename(self._folder())

    def _drop_folder(self) -> None:
        shutil.rmtree(self._folder())


class Round(Struct, frozen=True):
    """Some changes, and what is done about them."""

    changes: int
    judged: bool
    trusted: bool
    aged: bool
    restarted: int | None


ROUNDS = st.lists(
    st.builds(
        Round,
        changes=st.integers(0, 4),
        judged=st.sampled_from([True, True, True, False]),
        trusted=st.sampled_from([True, False, False, False]),
        aged=st.sampled_from([True, False, False, False]),
        restarted=st.sampled_from([None, None, None, 0, 1, 2]),
    ),
    min_size=3,
    max_size=10,
)


@contextlib.contextmanager
def memory_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="wan-", dir=TMPFS if TMPFS.is_dir() else None))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def dry_sweeper(shop: Workshop, queue: DryQueue) -> Sweeper:
    return Sweeper(
        files=shop.files,
        threads=shop.threads,
        database=shop.database,
        queue=queue,
        clock=shop.clock,
        feed=shop.feed,
        roots=RootKeeper(shop.database, shop.clock, shop.alerter, shop.feed),
        atlases=shop.atlases,
    )


async def roster(shop: Workshop) -> list[object]:
    """Everything that sweeps record, but for when and for what they only remember to save work."""
    queries = (
        "SELECT id, layout, path, root, stated FROM model ORDER BY id",
        "SELECT path, root, role, essential FROM path ORDER BY path",
        "SELECT model_id, path FROM membership JOIN path ON path.id = path_id ORDER BY 1, 2",
        "SELECT path, model_id, size_bytes, written_at FROM partial ORDER BY path",
        "SELECT * FROM companion_folder ORDER BY path",
    )
    return await shop.database.read(lambda db: [db.execute(query).fetchall() for query in queries])


async def swept(shop: Workshop, *, thorough: bool) -> tuple[Findings, DryQueue]:
    queue = DryQueue()
    found = await dry_sweeper(shop, queue).sweep(shop.root, shop.root, Order(Priority.DUE, thorough=thorough), Ticket())
    return found, queue


async def compare(shop: Workshop) -> DryQueue:
    """Both kinds of sweep; what the first one found."""
    found, passing = await swept(shop, thorough=False)
    after = await roster(shop)
    all_found, thorough = await swept(shop, thorough=True)
    assert thorough.taken.keys() - passing.taken.keys() == set()
    assert found.unclaimed_count == all_found.unclaimed_count
    assert await roster(shop) == after
    return passing


async def judge(shop: Workshop, queue: DryQueue) -> None:
    ticket = Ticket()
    for task in queue.taken.values():
        await shop.queue.put(task, ticket)
    await asyncio.wait_for(ticket.wait(), 20)


async def trust_somebody(shop: Workshop, chance: random.Random) -> None:
    ids = await shop.model_ids()
    if ids:
        with contextlib.suppress(HealthdError):
            await shop.trust.trust(chance.choice(ids), (), uid=0, reason="")


async def live(shop: Workshop, rounds: Iterator[Round], ground: Playground, chance: random.Random) -> int | None:
    """Until the rounds are over (None), or the daemon is restarted with another configuration (its number)."""
    shop.clock.jump((datetime.now(UTC) - shop.clock.now()).total_seconds() + 10)
    for turn in rounds:
        for _ in range(turn.changes):
            ground.change()
        if turn.aged:
            shop.clock.advance(40 * 86400)
        queue = await compare(shop)
        time.sleep(TICK_S)
        if turn.judged:
            await judge(shop, queue)
        if turn.trusted:
            await trust_somebody(shop, chance)
        if turn.restarted is not None:
            return turn.restarted
    return None


def play(seed: int, rounds: list[Round]) -> None:
    chance = random.Random(seed)
    left = iter(rounds)

    async def lives(top: Path) -> None:
        ground = Playground(top, chance)
        configuration: int | None = 0
        for _ in range(10):
            ground.change()
        while configuration is not None:
            async with workshop(top, STATED[configuration], state=os.fsencode(top / "state.db")) as shop:
                configuration = await live(shop, left, ground, chance)

    with memory_folder() as top:
        asyncio.run(lives(top))


def settled_rounds(*changes: int) -> Callable[[int], None]:
    return lambda seed: play(seed, [Round(n, judged=True, trusted=False, aged=False, restarted=None) for n in changes])


@settings(max_examples=8)
@given(st.integers(0, 2**32), ROUNDS)
def test_nothing_is_passed_by_that_a_visit_would_find(seed: int, rounds: list[Round]) -> None:
    play(seed, rounds)


@settings(max_examples=4)
@given(st.integers(0, 2**32))
def test_nor_after_all_was_at_rest(seed: int) -> None:
    settled_rounds(6, 0, 0, 1, 0, 0, 2, 0, 0, 1)(seed)
