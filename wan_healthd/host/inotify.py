"""Hints about changed files: the `Watcher` port over inotify, and the sentry that sees to it that the watches still work."""

from __future__ import annotations

import contextlib
import functools
import threading
import time
from collections.abc import Callable

from wan_healthd.domain.paths import display
from wan_healthd.domain.ports import WatchEvent, WatchKind
from wan_healthd.domain.watching import RootWatch
from wan_healthd.host.canary import DEADLINE_S, Song
from wan_healthd.host.eventless import eventless_folders
from wan_healthd.host.gaps import watch_limit
from wan_healthd.host.inotify_reader import Reader
from wan_healthd.host.looks import errno_name_of
from wan_healthd.host.mount_watch import MountWatch
from wan_healthd.host.threads import spawn
from wan_healthd.host.watched_tree import WatchedTree

Sink = Callable[[WatchEvent], None]

OWN_FOLDER = b".wan-healthd"
"""Quarantine and temporaries of ours on a model file system: never watched (contract: Models and judgement)."""


MOST_PARTING_S = 0.5
"""How long `stop` waits for what may hang on a file system."""


class InotifyWatcher:
    """The `Watcher` port. Each root has an inotify instance and a thread of its own.

    While a watch is set, watchdog lets nobody read: were there one instance for all roots, one that does not answer would
    deafen the others.

    The sink is called from them, and from whoever calls `add_root`, `patrol` and `fill_gaps`, with what they find.

    Not seen, so that sweeps have to find it: what happens behind the kernel's back (`host.eventless`), and writes through
    `mmap` before the file is closed.

    Args:
        canary_s: see `host.canary.DEADLINE_S`.
        complain: told of threads that ended or hung, and are replaced; called in any thread, must not raise.
    """

    def __init__(
        self,
        ignored_names: frozenset[bytes] = frozenset({OWN_FOLDER}),
        *,
        canary_s: float = DEADLINE_S,
        complain: Callable[[str], None] = lambda what: None,
    ) -> None:
        self._ignored_names = ignored_names
        self._complain = complain
        self._canary_s = canary_s
        self._lock = threading.Lock()
        self._trees: dict[bytes, WatchedTree] = {}
        self._refused: dict[bytes, str] = {}
        self._shaken: dict[bytes, list[bytes]] = {}
        self._mounts: MountWatch | None = None
        self._sink: Sink | None = None

    def start(self, sink: Sink) -> None:
        """Begin; roots are added with `add_root`."""
        with self._lock:
            self._sink = sink
            self._mounts = self._mounts or MountWatch()

    def add_root(self, root: bytes) -> None:
        """Watch `root` anew; one that cannot be watched is told as FAILED. Blocks while watches are set."""
        self.remove_root(root)
        if self._sink is None:  # it was stopped meanwhile: nobody would take the watches away again
            return
        try:
            tree = self._new_tree(root)
        except OSError as error:  # no inotify instance left for this user (fs.inotify.max_user_instances)
            self._refused[root] = errno_name_of(error)
            self._tell(WatchEvent(WatchKind.FAILED, root))
        else:
            tree.plant()

    def remove_root(self, root: bytes) -> None:
        """Stop watching `root`; no error if it is not watched."""
        with self._lock:
            self._refused.pop(root, None)
            self._shaken.pop(root, None)
            tree = self._trees.pop(root, None)
        if tree is not None:
            _end(tree)

    def look_at_mounts(self) -> bool:
        """Whether something was mounted or unmounted since the last call. Waits for no file system."""
        with self._lock:
            points = frozenset() if self._mounts is None else self._mounts.changed_points()
            for root, tree in self._trees.items() if points else ():
                self._shaken.setdefault(root, []).extend(tree.places_of(points))
        return bool(points)

    def patrol(self, root: bytes) -> None:
        """See to it that the root's watches work, and set anew what does not.

        The folder at its path is the one that is watched, and an event of it arrives; below it, nothing was mounted or
        unmounted. Blocks for some system calls, or up to the canary's deadline where something is wrong.
        """
        with self._lock:
            tree, places = self._trees.get(root), self._shaken.pop(root, ())
        if tree is None:
            return
        for place in places:
            tree.plant_again(place)
        song = tree.try_root(self._canary_s)
        if song is Song.DEAD:
            tree.plant_again(root)
        elif song is Song.STUCK:
            self._replace(root, tree)

    def fill_gaps(self, root: bytes) -> None:
        """Try again to watch the folders of `root` that could not be; each that can be now is told as FOLDER_CHANGED."""
        tree = self._trees.get(root)
        if tree is not None:
            tree.fill_gaps()

    def report(self, root: bytes) -> RootWatch:
        """How far the watching of `root` reaches. Never blocks."""
        tree, mounts = self._trees.get(root), self._mounts
        if tree is None:
            refusal = self._refused.get(root)
            gaps = () if refusal is None else (root,)
            return RootWatch(root, gaps=gaps, unwatched=len(gaps), errno_name=refusal)
        found = tree.gaps
        return RootWatch(
            root=root,
            folders=tree.folder_count,
            gaps=found.gaps,
            unwatched=found.unwatched,
            errno_name=found.errno_name,
            limit=watch_limit() if found.errno_name == "ENOSPC" else None,
            eventless=() if mounts is None else eventless_folders(root, tree.real_root, mounts.table),
        )

    def stop(self) -> None:
        """End the threads; nothing is told afterwards. What hangs on a file system is left behind."""
        with self._lock:
            self._sink = None
            trees, self._trees = self._trees, {}
            mounts, self._mounts = self._mounts, None
        if mounts is not None:
            mounts.close()
        partings = [spawn("wan-inotify-end", functools.partial(_end, tree)) for tree in trees.values()]
        deadline = time.monotonic() + MOST_PARTING_S
        for parting in partings:
            parting.join(max(0.0, deadline - time.monotonic()))

    def _new_tree(self, root: bytes) -> WatchedTree:
        reader = Reader(lambda: self._on_reader_lost(root, tree))
        tree = WatchedTree(reader, root, self._tell, self._ignored_names)
        reader.start()
        with self._lock:
            self._trees[root] = tree
        return tree

    def _replace(self, root: bytes, tree: WatchedTree) -> None:
        """The thread lives but does not read: it is left behind, and another one begins."""
        self._complain(f"the thread that hears of changes below {display(root)} hangs, and is replaced")
        self._forget(root, tree)
        tree.abandon()
        tree.reader.stop()  # it ends as soon as it comes back; it is not waited for
        self.add_root(root)
        self._tell(WatchEvent(WatchKind.OVERFLOW, root))

    def _on_reader_lost(self, root: bytes, tree: WatchedTree) -> None:
        """The thread ended by itself: nothing is watched any more. `add_root` starts another one."""
        if self._forget(root, tree):
            self._complain(f"the thread that hears of changes below {display(root)} ended by itself, and is replaced")
            self._tell(WatchEvent(WatchKind.FAILED, root))

    def _forget(self, root: bytes, tree: WatchedTree) -> bool:
        with self._lock:
            return self._trees.get(root) is tree and self._trees.pop(root) is tree

    def _tell(self, event: WatchEvent) -> None:
        sink = self._sink
        if sink is not None:
            # A sink that raises breaks its promise. One hint is lost then, which sweeps make good; the thread must live.
            with contextlib.suppress(Exception):
                sink(event)


def _end(tree: WatchedTree) -> None:
    tree.fell()
    tree.reader.stop()
    tree.reader.join()
