"""Weights in shards: which an index names, and which the shards' own names count."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain, islice

from wan_healthd.domain.files import Role
from wan_healthd.formats import shard_index
from wan_healthd.formats.strict_json import Malformed, TooMuch
from wan_healthd.layouts.ground import Nearby
from wan_healthd.layouts.names import role_of
from wan_healthd.layouts.needs import Need

MAX_INDEX_BYTES = 4 << 20
"""Larger indices are not followed (they are judged all the same): 100,000 tensors have some 10 MB, Wan's 1,095 have 0.1 MB."""
MAX_INDICES = 8
MAX_NEEDS = 2000
"""Most files that are missed by what one folder says; the largest published models have some 200 shards."""
INDEX = re.compile(rb"(.+)\.index(?:\.[A-Za-z0-9]+)?\.json")
SHARD = re.compile(rb"(.+)-(\d{5})-of-(\d{5})(\.[a-z]+)")
OF_LOADERS = (b"diffusion_pytorch_model", b"model", b"pytorch_model")
"""Names of weights whose loaders (diffusers, transformers) find shards by the index alone."""


def needs_here(names: frozenset[bytes], nearby: Nearby) -> tuple[Need, ...]:
    """What the shards and indices of a folder need beside them in that folder."""
    return tuple(islice(chain(_of_indices(names, nearby), _of_series(names)), MAX_NEEDS))


def without_tables(needs: tuple[Need, ...], names: frozenset[bytes]) -> tuple[Need, ...]:
    """The needs of a folder, but for shards that a table counts: an index, or the shards themselves, know better."""
    if not any(INDEX.fullmatch(name) or SHARD.fullmatch(name) for name in names):
        return needs
    return tuple(need for need in needs if need.folder or SHARD.fullmatch(need.any_of[0]) is None)


def _of_indices(names: frozenset[bytes], nearby: Nearby) -> Iterator[Need]:
    indices = sorted(name for name in names if INDEX.fullmatch(name))
    for name in indices[:MAX_INDICES]:
        text = nearby.peek(name, MAX_INDEX_BYTES)
        match = INDEX.fullmatch(name)
        if text is None or match is None or _is_of_another_format(match[1], names):
            continue
        try:
            shards = shard_index.parse(text).shards
        except (Malformed, TooMuch):  # it is judged as a file of its own
            continue
        merged = match[1]
        yield from (Need(b"", (shard.encode(), merged)) for shard in shards if role_of(shard.encode()) is Role.WEIGHTS)


def _is_of_another_format(weights: bytes, names: frozenset[bytes]) -> bool:
    """Repositories often carry the index of `.bin` shards, too, and clients leave these out where safetensors are."""
    return weights.endswith(b".bin") and any(name.endswith(b".safetensors") for name in names)


def _of_series(names: frozenset[bytes]) -> Iterator[Need]:
    """`w-00001-of-00006.safetensors` says that there are six."""
    for stem, total, suffix in sorted({(m[1], m[3], m[4]) for name in names if (m := SHARD.fullmatch(name))}):
        if int(total) <= MAX_NEEDS:
            for number in range(1, int(total) + 1):
                yield Need(b"", (b"%s-%05d-of-%s%s" % (stem, number, total, suffix),))
        if suffix in (b".safetensors", b".bin") and stem in OF_LOADERS:
            yield Need(b"", (stem + suffix + b".index.json", stem + b"*.index*.json"))
