"""How long the judgement of a header takes, held against the loader that the world uses.

    python -m tests.benchmarks.format_verdict --tensors 2000 20000 --runs 50

makes a safetensors file of a video transformer with so many tensors and, by turns in each round, opens it with
`safetensors.safe_open`, has our parser judge it in this process (open, read, every rule, kind of model, the header packed for
later), and asks the digest engine for the same judgement, which is the way that the daemon takes: through its worker, with
the descriptor handed over. The file is warm. A GGUF file with as many tensors is judged in both ways, too; it has no loader to
be held against. Ratios are taken within each round. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

from safetensors import safe_open

from tests.fakes import gguf_files, safetensors_files
from wan_healthd.digest.bounded_reader import BoundedReader
from wan_healthd.digest.engine import WorkerEngine
from wan_healthd.digest.parsers import parser_of
from wan_healthd.domain.evidence import HeaderFacts

LOADER = "safe_open"
LAYERS = tuple(
    f"{block}.{part}.{kind}" for block in ("self_attn", "cross_attn") for part in "qkvo" for kind in ("weight", "bias")
)
LAYERS += ("ffn.0.weight", "ffn.0.bias", "ffn.2.weight", "ffn.2.bias", "modulation")
PATCH = "patch_embedding.weight"
PATCH_SHAPE = (5120, 16, 1, 2, 2)
"""What makes it a text-to-video transformer of 14 billion parameters, so that its kind is looked for to the end."""

Look = Callable[[Path], Awaitable[int]]
"""Opens and judges the file; returns how many tensors it has."""


def names(tensors: int) -> list[str]:
    return [PATCH, *(f"blocks.{number // len(LAYERS)}.{LAYERS[number % len(LAYERS)]}" for number in range(tensors - 1))]


def safetensors_file(tensors: int) -> bytes:
    shapes = {name: PATCH_SHAPE if name == PATCH else (8, 8) for name in names(tensors)}
    rows = {name: ("U8", shape, bytes(PATCH_SHAPE[0] * 64 if name == PATCH else 64)) for name, shape in shapes.items()}
    return safetensors_files.make(rows, {"format": "pt"})


def gguf_file(tensors: int) -> bytes:
    rows = [gguf_files.Tensor(name.encode(), (8, 8), gguf_files.F16_TENSOR) for name in names(tensors)]
    return gguf_files.make([gguf_files.text_entry(b"general.architecture", b"wan")], rows)


async def by_loader(path: Path) -> int:
    with safe_open(path, "numpy") as file:
        return len(file.keys())


async def here(path: Path) -> int:
    with path.open("rb") as file:
        return counted(parser_of(format_of(path)).judge(BoundedReader(file.fileno())))


def through_worker(engine: WorkerEngine) -> Look:
    async def look(path: Path) -> int:
        with path.open("rb") as file:
            return counted(await engine.header(file.fileno(), format_of(path), from_disk=False))

    return look


def format_of(path: Path) -> str:
    return path.suffix.removeprefix(".")


def counted(facts: HeaderFacts) -> int:
    if facts.fault is not None or facts.tensor_count is None:
        raise RuntimeError(f"the file is sound, but judged as {facts}")
    return facts.tensor_count


async def timed(look: Look, path: Path, tensors: int) -> float:
    """Milliseconds."""
    began = time.perf_counter()
    found = await look(path)
    took_ms = (time.perf_counter() - began) * 1e3
    if found != tensors:
        raise RuntimeError(f"{found} of {tensors} tensors were found")
    return took_ms


def line(path: Path, tensors: int, name: str, rounds: Sequence[Mapping[str, float]]) -> str:
    times = [turn[name] for turn in rounds]
    ratios = [turn[name] / turn[LOADER] for turn in rounds if LOADER in turn]
    against = f"{statistics.median(ratios):>8.2f}{min(ratios):>8.2f}" if ratios else f"{'-':>8}{'-':>8}"
    spread = (max(times) - min(times)) / statistics.median(times) * 100
    figures = f"{statistics.median(times):>8.2f}{min(times):>8.2f}{spread:>8.0f} %{against}"
    return f"{format_of(path):<13}{tensors:>7}  {name:<20}{figures}"


async def measure(folder: Path, counts: Sequence[int], runs: int) -> None:
    print(f"{'judged':<13}{'tensors':>7}  {'by':<20}{'ms':>8}{'best':>8}{'spread':>10}{'ratio':>8}{'best':>8}")
    engine = WorkerEngine(on_lost=print)
    ours: dict[str, Look] = {"our rules": here, "through the worker": through_worker(engine)}
    formats: tuple[tuple[str, Callable[[int], bytes], dict[str, Look]], ...] = (
        ("safetensors", safetensors_file, {LOADER: by_loader, **ours}),
        ("gguf", gguf_file, ours),
    )
    try:
        for name, make, looks in formats:
            for tensors in counts:
                path = folder / f"model-{tensors}.{name}"
                path.write_bytes(make(tensors))
                await asyncio.gather(*(look(path) for look in looks.values()))  # all is loaded, and the file is warm
                rounds = [{kind: await timed(look, path, tensors) for kind, look in looks.items()} for _ in range(runs)]
                for kind in looks:
                    print(line(path, tensors, kind, rounds))
    finally:
        await engine.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--tensors", type=int, nargs="+", default=[2000], help="how many each file has (default: 2000)")
    parser.add_argument("--runs", type=int, default=50, help="rounds (default: 50)")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="wan-"))
    try:
        asyncio.run(measure(folder, [max(1, count) for count in options.tensors], max(1, options.runs)))
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
