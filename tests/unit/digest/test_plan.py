"""Chunks cover what is wanted; runs give back what was put in."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from wan_healthd.digest.plan import CHUNK_BYTES, RUN_BLOCKS, Chunks, RunBuilder, wanted_blocks, wanted_bytes
from wan_healthd.domain.digests import BLOCK_BYTES, Algorithm, Assurance
from wan_healthd.domain.extents import merge, ranges_of_blocks
from wan_healthd.domain.ports import BlockRun, ReadRequest

SIZES = st.integers(0, 60 * BLOCK_BYTES)
BLOCKS = st.sets(st.integers(0, 70))


def runs_of(blocks: set[int]) -> tuple[tuple[int, int], ...]:
    grouped = itertools.groupby(enumerate(sorted(blocks)), key=lambda item: item[1] - item[0])
    members = [[block for _, block in group] for _, group in grouped]
    return tuple((group[0], group[-1] + 1) for group in members)


@given(size_bytes=SIZES, blocks=st.none() | BLOCKS)
def test_chunks_cover_exactly_what_is_wanted(size_bytes: int, blocks: set[int] | None) -> None:
    request = ReadRequest(size_bytes, (Algorithm.BLAKE3_1M,), blocks=None if blocks is None else runs_of(blocks))
    runs = wanted_blocks(request)
    chunks = Chunks(runs, size_bytes)
    planned = list(chunks)
    assert (len(chunks), chunks[1:3]) == (len(planned), planned[1:3])
    assert merge(planned) == ranges_of_blocks(range(100) if blocks is None else blocks, size_bytes)
    assert sum(chunk.length for chunk in planned) == wanted_bytes(runs, size_bytes)
    assert all(chunk.offset % BLOCK_BYTES == 0 and 0 < chunk.length <= CHUNK_BYTES for chunk in planned)
    assert planned == sorted(planned)


@given(
    blocks=st.sets(st.integers(0, 400)),
    assurances=st.lists(st.sampled_from([Assurance.DISK, Assurance.MEMORY]), min_size=401, max_size=401),
    flush_at=st.sets(st.integers(0, 400)),
)
def test_runs_give_back_every_digest(blocks: set[int], assurances: list[Assurance], flush_at: set[int]) -> None:
    builder = RunBuilder()
    runs: list[BlockRun | None] = []
    for block in sorted(blocks):
        runs.append(builder.add(block, block.to_bytes(32, "big"), assurances[block]))
        if block in flush_at:
            runs.append(builder.flush())
    runs += [builder.flush(), builder.flush()]
    finished = [run for run in runs if run is not None]
    found = {
        run.first_block + index: (run.digests[index * 32 : index * 32 + 32], run.assurance)
        for run in finished
        for index in range(len(run.digests) // 32)
    }
    assert found == {block: (block.to_bytes(32, "big"), assurances[block]) for block in blocks}
    assert all(32 <= len(run.digests) <= 32 * RUN_BLOCKS for run in finished)
    assert [run.first_block for run in finished] == sorted(run.first_block for run in finished)
