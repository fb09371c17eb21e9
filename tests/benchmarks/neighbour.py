"""What others notice of a sweep: readers and arithmetic, alone and beside it, in each of its modes.

    python -m tests.benchmarks.neighbour --megabytes 2048 --passes 3 --seconds 6 --rounds 5 --folder /var/tmp

starts one daemon for each mode (`[sweep] mode`) on the same models. In each round each neighbour works alone, while all sweeps
are paused, and then beside each daemon in turn, which meanwhile makes one full sweep after the other: "mapped" copies a file
of its own out of a mapping, cold each time; "direct" reads it past the page cache; "numpy" computes on all processors. All are
processes of sessions of their own, as a user's are. A ratio is of times (1 is unnoticed, 2 is twice as slow), for arithmetic
of rounds per second (1 is unnoticed, 0.5 is half as fast), taken within its round. "at first" is the first pass, which begins
while the sweep reads at full speed. The last column is how fast the sweep read meanwhile.

Nothing is asserted: figures depend on the disk, the processor, and who else uses them.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import monotonic, sleep

from msgspec import Struct

from tests.support.control import Control, Unexpected, until
from tests.support.daemons import Home
from tests.support.neighbours import neighbour
from tests.support.residency import chill
from wan_healthd.domain.ports import ReadMode

ALONE = "alone"
PIECE_BYTES = 16 << 20
SWEPT_FILES = 4


class Turn(Struct, frozen=True):
    """What a neighbour managed: seconds of each pass, or rounds per second; and what the sweep read meanwhile, in bytes/s."""

    figures: tuple[float, ...]
    swept_rate: float = 0.0


class Sweeps:
    """One daemon, whose sweeps are paused but for the turns that are taken beside them."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self._is_over = threading.Event()

    def pause(self) -> None:
        """Until the next turn."""
        self._control.post("/v1/sweeps/pause", {"reason": "somebody else's turn"})

    @contextmanager
    def under_way(self) -> Iterator[None]:
        """One full sweep after the other; begins once there is one that reads."""
        before = self.bytes_read()
        self._is_over.clear()
        self._control.post("/v1/sweeps/resume", {})
        sweeping = threading.Thread(target=self._again_and_again)
        sweeping.start()
        try:
            until(lambda: {} if self.bytes_read() > before else None, "the sweep reads")
            yield
        finally:
            self._is_over.set()
            sweeping.join()
            self.pause()

    def bytes_read(self) -> int:
        return int(self._control.status()["activity"]["bytes_read"])

    def _again_and_again(self) -> None:
        """Asks seldom: answering is work, too, which the neighbour would notice."""
        while not self._is_over.is_set():
            before = self._control.last_event()
            self._control.post("/v1/sweeps", {"full": True})
            while not self._is_over.is_set() and not self._has_finished(before):
                pass

    def _has_finished(self, since: int) -> bool:
        return any(event["kind"] == "sweep-finished" for event in self._control.events(since, wait_s=1.0))


class Load(Struct, frozen=True):
    """A neighbour: how it is started, and how many of it; `is_speed`: its figures are better the higher they are."""

    name: str
    words: tuple[str, ...]
    processes: int = 1
    is_speed: bool = False

    def work(self) -> tuple[float, ...]:
        """Let it do its work."""
        with ExitStack() as stack:
            started = [stack.enter_context(neighbour(*self.words)) for _ in range(self.processes)]
            told = [tuple(float(word) for word in process.communicate()[0].split()) for process in started]
        return (sum(figure for (figure,) in told),) if self.is_speed else told[0]

    def ratio(self, alone: Turn, beside: Turn) -> float:
        """How much it noticed."""
        return sum(beside.figures) / sum(alone.figures)

    def at_first(self, alone: Turn, beside: Turn) -> float | None:
        """Likewise, of its first pass against all that were made alone."""
        return None if self.is_speed else beside.figures[0] / statistics.mean(alone.figures)


def beside(sweeps: Sweeps, load: Load) -> Turn:
    with sweeps.under_way():
        before, began = sweeps.bytes_read(), monotonic()
        figures = load.work()
        return Turn(figures, (sweeps.bytes_read() - before) / (monotonic() - began))


def measure(folder: Path, loads: Sequence[Load], modes: Sequence[ReadMode], rounds: int) -> dict[tuple[str, str], list[Turn]]:
    turns: dict[tuple[str, str], list[Turn]] = {}
    with ExitStack() as stack:
        daemons = {mode: stack.enter_context(sweeping_daemon(folder, mode)) for mode in modes}
        for _ in range(rounds):
            for load in loads:
                turns.setdefault((load.name, ALONE), []).append(Turn(load.work()))
                for mode, sweeps in daemons.items():
                    turns.setdefault((load.name, mode), []).append(beside(sweeps, load))
    return turns


@contextmanager
def sweeping_daemon(folder: Path, mode: ReadMode) -> Iterator[Sweeps]:
    """A daemon that knows all models, and is paused."""
    place = folder / mode
    place.mkdir()
    home = Home(place)
    home.configure([folder / "models"])
    (place / "conf.d" / "mode.toml").write_text(f'[sweep]\nmode = "{mode}"\n')
    with home.running() as daemon:
        while not any(event["kind"] == "sweep-finished" for event in daemon.control.events()):
            sleep(0.1)  # the first reads take as long as they take
        if daemon.control.status()["status"] != "healthy":
            raise Unexpected(f"not all could be read; the daemon said:\n{daemon.said()}")
        sweeps = Sweeps(daemon.control)
        sweeps.pause()
        yield sweeps


def make(path: Path, size_bytes: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        for start in range(0, size_bytes, PIECE_BYTES):
            file.write(os.urandom(min(PIECE_BYTES, size_bytes - start)))
    os.utime(path, (1, 1))
    chill(path)
    return path


def table(turns: dict[tuple[str, str], list[Turn]], loads: Sequence[Load], modes: Sequence[ReadMode]) -> str:
    lines = [f"{'beside a sweep':<22}{'rounds':>7}{'ratio':>8}{'spread':>14}{'at first':>10}{'sweep MB/s':>12}"]
    for load in loads:
        alone = turns[load.name, ALONE]
        for mode in modes:
            pairs = list(zip(alone, turns[load.name, mode], strict=True))
            ratios = [load.ratio(*pair) for pair in pairs]
            first = [found for pair in pairs if (found := load.at_first(*pair)) is not None]
            spread = f"{min(ratios):.2f}-{max(ratios):.2f}"
            swept = statistics.median(turn.swept_rate for _, turn in pairs) / 1e6
            at_first = f"{statistics.median(first):>10.2f}" if first else f"{'-':>10}"
            name = f"{load.name}, {mode}"
            lines.append(f"{name:<22}{len(pairs):>7}{statistics.median(ratios):>8.3f}{spread:>14}{at_first}{swept:>12.1f}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--megabytes", type=int, default=64, help="that are read in a pass, and by a sweep (default: 64)")
    parser.add_argument("--passes", type=int, default=2, help="of a reader in its turn (default: 2)")
    parser.add_argument("--seconds", type=float, default=1.0, help="of arithmetic in its turn (default: 1)")
    parser.add_argument("--rounds", type=int, default=1, help="default: 1")
    parser.add_argument("--modes", nargs="+", type=ReadMode, default=list(ReadMode), help="default: all")
    parser.add_argument("--loads", nargs="+", default=["mapped", "direct", "numpy"], help="default: all")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()), help="on the disk that is to be read")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="wan-", dir=options.folder))
    try:
        size_bytes = options.megabytes << 20
        own = make(folder / "own.bin", size_bytes)
        for number in range(SWEPT_FILES):
            make(folder / "models" / f"m{number}" / "blob.bin", size_bytes // SWEPT_FILES)
        loads = [
            load
            for load in (
                Load("mapped", ("mapped", str(own), str(options.passes))),
                Load("direct", ("direct", str(own), str(options.passes))),
                Load("numpy", ("numpy", str(options.seconds)), os.cpu_count() or 1, is_speed=True),
            )
            if load.name in options.loads
        ]
        print(table(measure(folder, loads, options.modes, max(1, options.rounds)), loads, options.modes))
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
