"""One watched root: an inotify watch on each folder, kept in step with the folders as they come and go."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Iterable

from watchdog.observers.inotify_c import CallbackId, InotifyConstants, InotifyEvent, Mask, WatchDescriptor

from wan_healthd.domain.paths import join
from wan_healthd.domain.ports import WatchEvent, WatchKind
from wan_healthd.host.canary import DEADLINE_S, Canary, Song
from wan_healthd.host.gaps import GapReport, Gaps
from wan_healthd.host.inotify_masks import EXHAUSTED, FILE_KINDS, FOLDER_APPEARED, MASK, ROOT_WENT, VANISHED, VANISHED_NAMES
from wan_healthd.host.inotify_reader import Reader
from wan_healthd.host.looks import errno_name_of


class _Folder:
    """A watched folder: what watchdog calls back for one watch descriptor.

    Each path has an object of its own, since one folder may be known by two paths for a while (a rename whose events are
    still queued) or for ever (a bind mount inside the root), while the kernel knows it by one watch descriptor.
    """

    __slots__ = ("_tree", "path", "wd")

    def __init__(self, tree: WatchedTree, path: bytes) -> None:
        self._tree = tree
        self.path = path
        self.wd = WatchDescriptor(-1)

    @property
    def id(self) -> CallbackId:
        """Tells this path's interest in a watch descriptor from others'."""
        return CallbackId(id(self))

    def on_event(self, event: InotifyEvent) -> None:
        """An event of this folder or of an entry in it."""
        self._tree.on_event(self, event)

    def on_watch_deleted(self, wd: WatchDescriptor) -> None:
        """The kernel let go of the folder: it is gone. What happened was told before."""
        self._tree.forget(self)

    def on_queue_overflow(self) -> None:
        """Events were lost; every watched folder is told, one answers."""
        self._tree.on_overflow(self)


class WatchedTree:
    """Watches a root and all folders below it, not following links.

    Args:
        reader: the descriptor and its thread; a watch goes in and out through it.
        root: absolute; may be a link itself.
        tell: gets the hints, from the reader's thread and from whoever calls `plant`.
        ignored_names: folders and files of these names are not watched and not told of.
    """

    def __init__(
        self, reader: Reader, root: bytes, tell: Callable[[WatchEvent], None], ignored_names: frozenset[bytes]
    ) -> None:
        self.reader = reader
        self._root = root
        self._tell = tell
        self._ignored_names = ignored_names
        self._lock = threading.RLock()
        self._folders: dict[bytes, _Folder] = {}
        self._gaps = Gaps(root)
        self._is_standing = True
        self._has_failed = False
        self._real_root = root

    @property
    def real_root(self) -> bytes:
        """Where the root was, links resolved, when it was planted."""
        return self._real_root

    @property
    def folder_count(self) -> int:
        """How many folders are watched; never waits."""
        return len(self._folders)

    @property
    def gaps(self) -> GapReport:
        """What could not be watched; never waits."""
        return self._gaps.report

    def plant(self) -> None:
        """Watch the root and everything below; FAILED is told of a root that cannot be watched, the rest are gaps."""
        with self._lock:
            if self._is_standing:
                self._has_failed = False
                self._real_root = os.path.realpath(self._root)
                self._watch_all(self._root)

    def places_of(self, points: Iterable[bytes]) -> list[bytes]:
        """Those of the mount points that lie below the root and are watched, by their paths below `root`."""
        top = self._real_root.rstrip(b"/") + b"/"
        parts = [point[len(top) :] for point in sorted(points) if point.startswith(top)]
        ours = self._ignored_names
        return [join(self._root, part) for part in parts if ours.isdisjoint(part.split(b"/"))]

    def plant_again(self, top: bytes) -> None:
        """Set the watches at and below `top` anew: something else may stand there now. Then tell."""
        with self._lock:
            if self._is_standing and not self._has_failed:
                self._unwatch_all(top)
                self._watch_all(top)
                self._tell(WatchEvent(WatchKind.FOLDER_CHANGED, top))

    def fill_gaps(self) -> None:
        """Try again to watch what could not be watched; told is each folder where it worked."""
        with self._lock:
            if self._is_standing and not self._has_failed:
                for path in self._gaps.report.gaps:
                    try:
                        self._watch(path)
                    except OSError as error:
                        if error.errno in EXHAUSTED:
                            return
                        if error.errno in VANISHED:
                            self._gaps.take(path)
                    else:
                        self._watch_all(path)
                        self._tell(WatchEvent(WatchKind.FOLDER_CHANGED, path))

    def try_root(self, deadline_s: float = DEADLINE_S) -> Song:
        """Whether the folder at the root's path is watched and its events arrive; ALIVE where FAILED was told.

        The lock is not held meanwhile: the thread that has to hear the canary may be waiting for it.
        """
        folder = self._folders.get(self._root)
        if self._has_failed or not self._is_standing:
            return Song.ALIVE
        if folder is None:
            return Song.DEAD
        try:
            return Canary(self.reader, self._root, MASK, folder.wd).send(deadline_s)
        except OSError:
            return Song.DEAD

    def fell(self) -> None:
        """Remove all watches; nothing is told afterwards."""
        with self._lock:
            self._is_standing = False
            self._unwatch_all(self._root)

    def abandon(self) -> None:
        """Tell nothing any more, without waiting: the reader's thread may hold the lock for ever."""
        self._is_standing = False

    def forget(self, folder: _Folder) -> None:
        """The folder's watch descriptor is no more."""
        if not self._is_standing:
            return
        with self._lock:
            if self._folders.get(folder.path) is folder:
                del self._folders[folder.path]

    def on_overflow(self, folder: _Folder) -> None:
        """Set all watches anew, since folders may have come or moved unseen, then tell."""
        with self._lock:
            if self._is_standing and folder.path == self._root:
                self._unwatch_all(self._root)
                self._watch_all(self._root)
                self._tell(WatchEvent(WatchKind.OVERFLOW, self._root))

    def on_event(self, folder: _Folder, event: InotifyEvent) -> None:
        """Turn one event of the kernel into at most one hint."""
        if event.is_open:  # a canary's
            return
        with self._lock:
            if not self._is_standing or self._folders.get(folder.path) is not folder:
                return
            if not event.name:
                self._on_own_event(folder, event)
            elif event.name not in self._ignored_names:
                self._on_entry(join(folder.path, event.name), event)

    def _on_own_event(self, folder: _Folder, event: InotifyEvent) -> None:
        """Of a watched folder itself; its parent tells the rest of what happens to it."""
        is_root = folder.path == self._root
        if is_root and event.mask & ROOT_WENT:
            self._fail()
        elif event.mask & InotifyConstants.IN_UNMOUNT:
            # What was mounted here is gone; the folder that it covered shows again.
            self.plant_again(folder.path)
        elif is_root and event.is_attrib:
            self._tell(WatchEvent(WatchKind.FOLDER_CHANGED, folder.path))

    def _on_entry(self, path: bytes, event: InotifyEvent) -> None:
        if event.is_directory:
            self._on_subfolder(path, event)
        else:
            kind = next((kind for mask, kind in FILE_KINDS if event.mask & mask), None)
            if kind is not None:
                self._tell(WatchEvent(kind, path))

    def _on_subfolder(self, path: bytes, event: InotifyEvent) -> None:
        """Watches first, then tells: whatever came before the watch is found by whoever looks after the hint."""
        if event.is_delete:  # it was empty, so there is nothing below it to let go of
            self._unwatch(path)
        elif event.is_moved_from:
            self._unwatch_all(path)
        elif event.mask & FOLDER_APPEARED or path not in self._folders:
            self._watch_all(path)
        self._tell(WatchEvent(WatchKind.FOLDER_CHANGED, path))

    def _watch_all(self, top: bytes) -> None:
        """Watch `top` and the folders below it; each is watched before it is listed, so that none slips through."""
        waiting = [top]
        refused: dict[bytes, str] = {}
        self._gaps.take(top)
        while waiting:
            path = waiting.pop()
            try:
                self._watch(path)
                waiting += self._subfolders(path)
            except OSError as error:
                if path == self._root or error.errno not in VANISHED:
                    refused[path] = errno_name_of(error)
                if error.errno in EXHAUSTED:  # of no use to try the next one
                    refused.update(dict.fromkeys(waiting, errno_name_of(error)))
                    waiting = []
        if self._root in refused:
            self._fail()
            refused = {path: why for path, why in refused.items() if why not in VANISHED_NAMES}
        if refused:
            self._gaps.add(refused, self._subfolders)

    def _fail(self) -> None:
        """The root as a whole is watched no more; whoever is told plants it again."""
        self._has_failed = True
        self._unwatch_all(self._root)
        self._tell(WatchEvent(WatchKind.FAILED, self._root))

    def _watch(self, path: bytes) -> None:
        folder = _Folder(self, path)
        mask = MASK if path == self._root else Mask(MASK | InotifyConstants.IN_DONT_FOLLOW)
        folder.wd = self.reader.add_callback(path, mask, folder, folder.id)
        if folder.wd < 0:  # watchdog keeps EACCES to itself
            self.reader.remove_callbacks([(folder.wd, folder.id)])
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        self._unwatch(path)
        self._folders[path] = folder

    def _unwatch(self, path: bytes) -> None:
        folder = self._folders.pop(path, None)
        if folder is not None:
            self.reader.remove_callbacks([(folder.wd, folder.id)])

    def _unwatch_all(self, top: bytes) -> None:
        self._gaps.take(top)
        below = top.rstrip(b"/") + b"/"
        for path in [path for path in self._folders if path == top or path.startswith(below)]:
            self._unwatch(path)

    def _subfolders(self, path: bytes) -> list[bytes]:
        with os.scandir(path) as entries:
            return [
                entry.path for entry in entries if entry.name not in self._ignored_names and entry.is_dir(follow_symlinks=False)
            ]
