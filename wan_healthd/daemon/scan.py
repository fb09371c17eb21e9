"""`wan-healthd scan`: the whole pipeline once, in this process, without a daemon."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import sys
import time

import msgspec
from msgspec import UNSET, Struct

from wan_healthd.assembly import House
from wan_healthd.blueprint import Blueprint
from wan_healthd.domain.catalogue import ROOT_UNREACHABLE
from wan_healthd.domain.paths import display, is_at_or_below
from wan_healthd.domain.scoring import overall_score
from wan_healthd.domain.settings import ModelSettings, RootSettings, Settings
from wan_healthd.domain.verdicts import HealthStatus
from wan_healthd.host.clock import SystemClock
from wan_healthd.opening import open_house
from wan_healthd.services.orders import Order
from wan_healthd.services.queue import Priority, Ticket
from wan_healthd.wire.answers import SCHEMA, FilesAnswer, ModelRow, ScanAnswer, ScanFile, ScanModel

EXIT_HEALTHY, EXIT_UNHEALTHY, EXIT_UNREACHABLE = 0, 1, 3
PROGRESS_S = 0.5


class ScanOptions(Struct, frozen=True):
    """What to scan; paths are absolute."""

    paths: tuple[bytes, ...]
    state: bytes | None
    full: bool
    as_json: bool
    jobs: int


def scan(options: ScanOptions) -> int:
    """Scan, print, and return the exit status."""
    answer = asyncio.run(_scan(options))
    if options.as_json:
        sys.stdout.buffer.write(msgspec.json.encode(answer) + b"\n")
    else:
        print("\n".join(_lines(answer)))
    sys.stdout.flush()
    if any(issue.code == ROOT_UNREACHABLE.code for issue in answer.issues):
        return EXIT_UNREACHABLE
    return EXIT_HEALTHY if all(model.is_healthy for model in answer.models) else EXIT_UNHEALTHY


async def _scan(options: ScanOptions) -> ScanAnswer:
    clock = SystemClock()
    started = clock.monotonic()
    roots, files = _split(options.paths)
    # A file's root is its folder: links out of it are not followed, and nothing else of it is looked at.
    watched = tuple(dict.fromkeys([*roots, *(os.path.dirname(file) for file in files)]))
    settings = Settings(
        roots=tuple(RootSettings(os.fsdecode(root)) for root in watched),
        models=tuple(ModelSettings(name, os.fsdecode(file)) for name, file in _names(files)),
    )
    blueprint = Blueprint(settings, options.state, (), _complain, reads_at_once=options.jobs)
    order = Order(Priority.REQUESTED, full=options.full, patient=False)
    async with open_house(blueprint) as house:
        progress = house.crew.start(_show_progress(house))
        ticket = Ticket()
        unclaimed: list[bytes] = []
        for root in roots:
            unclaimed.extend((await house.sweeper.sweep(root, root, order, ticket)).unclaimed)
        for file in files:
            await house.sweeper.sweep_file(os.path.dirname(file), file, order, ticket)
        await ticket.wait()
        progress.cancel()
        status = await house.overview.status()
        models = [await _model(house, row) for row in status.models if _was_asked(row, options.paths)]
        return ScanAnswer(
            schema=SCHEMA,
            overall_health_score=overall_score([model.integrity_score for model in models]),
            models=tuple(models),
            issues=status.issues,
            unclaimed=tuple(display(path) for path in unclaimed),
            bytes_read=house.activity.bytes_read,
            elapsed_s=round(clock.monotonic() - started, 3),
        )


def _split(paths: tuple[bytes, ...]) -> tuple[list[bytes], list[bytes]]:
    """Folders (or what is not there) and single files; a path inside another one is left to that."""
    outer = [path for path in paths if not any(is_at_or_below(path, other) for other in paths if other != path)]
    files = [path for path in dict.fromkeys(outer) if os.path.isfile(path)]
    return [path for path in dict.fromkeys(outer) if path not in files], files


def _names(files: list[bytes]) -> list[tuple[str, bytes]]:
    """Single files are models by their base names, or by their whole paths where those are not distinct."""
    bases = [os.path.basename(file) for file in files]
    return [(display(base if bases.count(base) == 1 else file), file) for base, file in zip(bases, files, strict=True)]


def _was_asked(row: ModelRow, paths: tuple[bytes, ...]) -> bool:
    """A state may know more models than this scan was about."""
    path = row.path.encode() if row.path_b64 is UNSET else base64.b64decode(row.path_b64)
    return any(is_at_or_below(path, asked) for asked in paths)


async def _model(house: House, row: ModelRow) -> ScanModel:
    result = await house.overview.result(row.id)
    listed: FilesAnswer = await house.overview.files(row.id)
    files = tuple(ScanFile(f.path, f.size_bytes, f.status, f.sha256, f.verified_by, f.path_b64) for f in listed.files)
    return ScanModel(**msgspec.structs.asdict(result), layout=row.layout, files=files)


def _lines(answer: ScanAnswer) -> list[str]:
    lines = []
    for model in answer.models:
        size = f"{model.file_count} files, {model.total_size_mb:.1f} MB"
        lines.append(f"{model.health_status.value:<10} {model.integrity_score:4.2f}  {model.model_id}  ({size})")
        for issue in model.issues:
            lines.append(f"    {issue.severity}: {issue.message}")
            lines.append(f"        what to do: {issue.suggestion}")
    lines.extend(f"{issue.severity}: {issue.message}\n    what to do: {issue.suggestion}" for issue in answer.issues)
    healthy = sum(1 for model in answer.models if model.health_status is HealthStatus.HEALTHY)
    lines.append(
        f"{healthy} of {len(answer.models)} models healthy, score {answer.overall_health_score:.2f};"
        f" {answer.bytes_read / 1e6:.1f} MB read in {answer.elapsed_s:.1f} s"
    )
    return lines


async def _show_progress(house: House) -> None:
    if not sys.stderr.isatty():
        return
    started = time.monotonic()
    try:
        while True:
            await asyncio.sleep(PROGRESS_S)
            read = house.activity.bytes_read
            rate = read / (time.monotonic() - started)
            print(f"\r{read / 1e9:.2f} GB read, {rate / 1e6:.0f} MB/s, {len(house.queue)} files wait ", end="", file=sys.stderr)
    finally:
        with contextlib.suppress(OSError):
            print("\r" + " " * 70 + "\r", end="", file=sys.stderr, flush=True)


def _complain(what: str, error: BaseException | None) -> None:
    print(f"wan-healthd: {what}" + ("" if error is None else f": {error}"), file=sys.stderr)
