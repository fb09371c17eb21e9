"""Ports: what services, digest and repair need from the outside. `host` and `digest` implement them, tests have fakes."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Protocol, TypeVar

from msgspec import Struct

from wan_healthd.domain.alerts import Alert
from wan_healthd.domain.digests import BLOCK_DIGEST_BYTES, Algorithm, Assurance
from wan_healthd.domain.evidence import HeaderFacts, Section
from wan_healthd.domain.extents import ByteRange
from wan_healthd.domain.files import FileLook, Fingerprint, Listing
from wan_healthd.domain.hub import RepoTree
from wan_healthd.domain.identity import FileIdentity
from wan_healthd.domain.source_ref import SourceRef
from wan_healthd.domain.watching import RootWatch

T = TypeVar("T")


class Clock(Protocol):
    """The only source of time."""

    def now(self) -> datetime:
        """Wall-clock time, aware, UTC."""

    def monotonic(self) -> float:
        """Seconds that never jump, from an arbitrary start."""


class Threads(Protocol):
    """The only maker of threads: runs blocking calls beside the event loop."""

    async def run(self, call: Callable[[], T]) -> T:
        """Run `call` in a thread and return its result; its exception is raised here."""


class OpenedFile(Struct, frozen=True):
    """A file opened for reading: `descriptor` belongs to the caller, who closes it; None where it could not be opened."""

    look: FileLook
    descriptor: int | None


class SmallRead(Struct, frozen=True):
    """What a small file holds; `data` None where it could not be read, or is no regular file. `look` says why."""

    look: FileLook
    data: bytes | None


class Files(Protocol):
    """Looks at and opens files below a root. All calls block; none follows a link out of `root`; none writes.

    Paths and roots are absolute bytes; a path is equal to its root or below it. Nothing raises OSError: what the system
    refuses stands in the answer.
    """

    def look(self, root: bytes, path: bytes) -> FileLook:
        """One look at `path`."""

    def list_folder(self, root: bytes, path: bytes) -> Listing:
        """The folder's entries with a look at each; links to folders are looked at, never descended."""

    def fingerprints(self, root: bytes, folders: Iterable[bytes]) -> Generator[Fingerprint, None, None]:
        """Each of the folders in one value, as soon as it is asked for, in one pass: much cheaper than its listing.

        The generator holds the root open: whoever does not want all of them closes it.
        """

    def open(self, root: bytes, path: bytes) -> OpenedFile:
        """Open a regular file for reading without blocking on FIFOs or devices."""

    def look_open(self, descriptor: int) -> FileLook:
        """A look at a file that is open already."""

    def is_written(self, descriptor: int) -> bool:
        """Whether anybody has a file that is open already open for writing, too; False also where nobody says."""

    def read_small(self, root: bytes, path: bytes, limit_bytes: int) -> SmallRead:
        """What the regular file at `path` holds, cut one byte behind `limit_bytes`; opened as by `open`."""

    def way(self, root: bytes, path: bytes) -> tuple[bytes, ...]:
        """`path`, then where each link that stands at its end leads in turn, at most 16 of them: absolute, without `..`.

        Only names are told, and nothing outside the root is looked at: a link out of it ends the way with its target's name.
        """

    def mounted(self) -> frozenset[str]:
        """Names, as in `FileIdentity.filesystem`, of the file systems that are mounted anywhere."""


class WatchKind(StrEnum):
    """What a watcher can tell. Hints only: sweeps are the truth."""

    CLOSED = "closed"
    """Closed after writing: complete as far as its writer is concerned."""
    MOVED_IN = "moved-in"
    MODIFIED = "modified"
    ATTRIBUTES = "attributes"
    CREATED = "created"
    GONE = "gone"
    FOLDER_CHANGED = "folder-changed"
    """A folder appeared, went or was moved: everything below it must be looked at again."""
    OVERFLOW = "overflow"
    """Events were lost below `path`."""
    FAILED = "failed"
    """Watching the root `path` ended or could not begin. Folders below a root that cannot be watched stand in its report."""


class WatchEvent(Struct, frozen=True):
    """One hint about an absolute path."""

    kind: WatchKind
    path: bytes


class Watcher(Protocol):
    """Watches roots recursively and calls `sink` from a thread of its own; the sink is quick and never raises."""

    def start(self, sink: Callable[[WatchEvent], None]) -> None:
        """Begin; roots are added with `add_root`."""

    def add_root(self, root: bytes) -> None:
        """Watch `root`; a root that cannot be watched is told as FAILED. Blocks while watches are set.

        Folders below it that cannot be watched are told by `report`.
        """

    def remove_root(self, root: bytes) -> None:
        """Stop watching `root`; no error if it is not watched."""

    def look_at_mounts(self) -> bool:
        """Whether something was mounted or unmounted since the last call; the next patrol of each root sees to it there.

        Waits for no file system.
        """

    def patrol(self, root: bytes) -> None:
        """See to it that the watches of `root` work: what does not is set anew and told.

        Called every few seconds; blocks for as long as the root's file systems do, and no other root with it.
        """

    def fill_gaps(self, root: bytes) -> None:
        """Try again to watch what could not be; each folder where it works now is told as FOLDER_CHANGED. Blocks."""

    def report(self, root: bytes) -> RootWatch:
        """How far the watching of `root` reaches. Never blocks."""

    def stop(self) -> None:
        """End all threads; those that hang on a file system are left behind."""


class Cron(Protocol):
    """Calls back at intervals. Callbacks run in the event loop, must not block, and only enqueue."""

    def start(self) -> None:
        """Begin calling back; needs a running event loop."""

    def every(self, name: str, interval_s: float, first_at: datetime, action: Callable[[], None]) -> None:
        """Call `action` first at `first_at`, then each `interval_s`; replaces a timer of the same name."""

    def next_runs(self) -> dict[str, datetime]:
        """Next time of each timer."""

    def shutdown(self) -> None:
        """Forget all timers; nothing is called afterwards."""


class AlertSink(Protocol):
    """Takes alerts to people: the journal, stderr."""

    def emit(self, alert: Alert) -> None:
        """Deliver one alert; never raises and never blocks for long."""


class Notifier(Protocol):
    """Tells the service manager how we are; does nothing where there is none."""

    def ready(self) -> None:
        """The socket answers."""

    def status(self, text: str) -> None:
        """One line of status; any text is safe."""

    def reloading(self) -> None:
        """A reload began; `ready` ends it."""

    def stopping(self) -> None:
        """Shutdown began."""

    def watchdog(self) -> None:
        """The loops that do the work are alive."""

    def trigger(self) -> None:
        """Something is broken that only a new start mends: the manager shall not wait until the signs of life stop."""

    def extend(self, limit_s: float) -> None:
        """The start, reload or stop under way takes longer: `limit_s` seconds from now, unless this is said again."""

    def keep(self, name: str, descriptor: int) -> None:
        """Keep a copy of the descriptor over restarts; it is handed in under `name` then."""

    def let_go(self, name: str) -> None:
        """Keep what was handed over under `name` no longer."""

    @property
    def watchdog_interval_s(self) -> float | None:
        """How often `watchdog` must be called (half the limit); None where nobody watches."""


class Hub(Protocol):
    """Says what a repository holds; asks the network, within bounds of its own on time and memory."""

    async def tree(self, ref: SourceRef) -> RepoTree:
        """What the repository holds at the revision ("main" where none is stated); raises HubUnreachable."""


class ReadMode(StrEnum):
    """How considerate a read is towards other users of disk and processor."""

    FULL = "full"
    POLITE = "polite"
    IDLE = "idle"


class ReadRequest(Struct, frozen=True):
    """What to read of an open file and what to compute.

    Args:
        size_bytes: the size that the caller saw; the read ends there.
        algorithms: SHA256 and GIT_SHA1 need the whole file from byte 0; BLAKE3_1M digests each block.
        blocks: half-open runs (first, end) of block numbers to read, ascending; None for the whole file.
        sections: parts whose own CRC-32 is checked on the way, ascending and without overlaps; only of a whole file. Their
            names may be left empty.
        is_paced: whether the engine's pace holds for it (see `DigestEngine`): nobody waits for this read.
    """

    size_bytes: int
    algorithms: tuple[Algorithm, ...]
    mode: ReadMode = ReadMode.POLITE
    blocks: tuple[tuple[int, int], ...] | None = None
    sections: tuple[Section, ...] = ()
    is_paced: bool = False


class BlockRun(Struct, frozen=True):
    """Digests of consecutive blocks from `first_block`, 32 bytes each; unreadable blocks are not in any run."""

    first_block: int
    digests: bytes
    assurance: Assurance

    @property
    def end_block(self) -> int:
        """The block behind the run's last one."""
        return self.first_block + len(self.digests) // BLOCK_DIGEST_BYTES


class ReadOutcome(Struct, frozen=True):
    """The end of a read.

    Args:
        before, after: the file's identity-giving facts at begin and end, as (inode, size_bytes, mtime_ns, ctime_ns). If they
            differ, the file changed while it was read and the digests mean nothing.
        sha256: hex, if asked for and every byte could be read.
        assurance: the weakest of all runs.
        unreadable: bytes that the storage refused, narrowed to what was really refused.
        errno_name: the storage's error, where bytes were refused.
        all_zero: whether every byte read was zero.
        bytes_read: bytes that came from the file.
        bad_sections: places in the request's `sections`, ascending, of those whose CRC-32 is wrong or that do not inflate to
            exactly their `size_bytes`. Sections that unreadable bytes touch are not among them.
        git_sha1: as `sha256`.
    """

    before: tuple[int, int, int, int]
    after: tuple[int, int, int, int]
    sha256: str | None
    assurance: Assurance
    unreadable: tuple[ByteRange, ...] = ()
    errno_name: str | None = None
    all_zero: bool = False
    bytes_read: int = 0
    bad_sections: tuple[int, ...] = ()
    git_sha1: str | None = None

    @property
    def is_stable(self) -> bool:
        """Whether the file stood still while it was read."""
        return self.before == self.after

    def is_of(self, identity: FileIdentity) -> bool:
        """Whether it was this very state of the file that was read."""
        stated = (identity.inode, identity.size_bytes, identity.mtime_ns, identity.ctime_ns)
        return self.is_stable and self.before == stated


class TouchedTensors(Struct, frozen=True):
    """Names of the tensors that some ranges touch, in file order, cut to a bound; `total` counts all of them."""

    names: tuple[str, ...]
    total: int
    in_header: bool


class DigestEngine(Protocol):
    """Reads and parses untrusted files in a process of its own.

    The descriptors stay the caller's: they may be closed as soon as the call returns. All calls raise WorkerFailed when the
    process died or overran its time with this very job (it was tried twice, the second time alone), and WorkerRefused, with
    the system's error, when the file could not be examined at all: ETIMEDOUT where its storage does not answer. Cancelling the
    task cancels the job.
    """

    async def read(self, descriptor: int, request: ReadRequest, on_run: Callable[[BlockRun], None]) -> ReadOutcome:
        """Read and digest; `on_run` is called in the event loop, in file order, at least every 256 MiB."""

    async def header(self, descriptor: int, format_name: str, *, from_disk: bool = False) -> HeaderFacts:
        """Judge the header as the named format; `from_disk` asks the disk itself, where the file system allows that."""

    async def locate(self, format_name: str, packed_header: bytes, ranges: Sequence[ByteRange]) -> TouchedTensors:
        """Name the tensors that the ranges touch, by a header that was stored earlier."""

    async def close(self) -> None:
        """End the process; calls under way raise WorkerFailed."""


class DownloadFollower(Protocol):
    """Digests a file while somebody else still writes it."""

    async def follow(
        self, descriptor: int, begun: Callable[[Callable[[bool], None]], None], on_run: Callable[[BlockRun], None]
    ) -> ReadOutcome:
        """Follow the open file from its first byte.

        `begun` is given what is called with False where somebody closed or renamed the file, so that it may be whole, and with
        True once it is to be judged.

        Only then come `on_run` and the outcome, with SHA-256 and assurance AS_RECEIVED: of just the bytes that a reader gets
        now, whatever was written meanwhile and how. Raises WorkerRefused where that cannot be vouched for, or costs more
        than reading the file, and WorkerFailed. Cancelling the task cancels the job.
        """
