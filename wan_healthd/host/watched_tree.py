"""One watched root: an inotify watch on each folder, kept in step with the folders as they come and go."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable

from watchdog.observers.inotify_c import CallbackId, InotifyConstants, InotifyEvent, InotifyFD, Mask, WatchDescriptor

from wan_healthd.domain.ports import WatchEvent, WatchKind

MASK = Mask(
    InotifyConstants.IN_MODIFY
    | InotifyConstants.IN_ATTRIB
    | InotifyConstants.IN_CLOSE_WRITE
    | InotifyConstants.IN_CREATE
    | InotifyConstants.IN_DELETE
    | InotifyConstants.IN_MOVED_FROM
    | InotifyConstants.IN_MOVED_TO
    | InotifyConstants.IN_DELETE_SELF
    | InotifyConstants.IN_MOVE_SELF
    | InotifyConstants.IN_ONLYDIR
)
"""No OPEN, ACCESS or CLOSE_NOWRITE: our own reads must not make events."""

FILE_KINDS = (
    (InotifyConstants.IN_CLOSE_WRITE, WatchKind.CLOSED),
    (InotifyConstants.IN_MOVED_TO, WatchKind.MOVED_IN),
    (InotifyConstants.IN_MOVED_FROM | InotifyConstants.IN_DELETE, WatchKind.GONE),
    (InotifyConstants.IN_CREATE, WatchKind.CREATED),
    (InotifyConstants.IN_MODIFY, WatchKind.MODIFIED),
    (InotifyConstants.IN_ATTRIB, WatchKind.ATTRIBUTES),
)

FOLDER_APPEARED = InotifyConstants.IN_CREATE | InotifyConstants.IN_MOVED_TO
ROOT_WENT = InotifyConstants.IN_DELETE_SELF | InotifyConstants.IN_MOVE_SELF | InotifyConstants.IN_UNMOUNT

VANISHED = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})
"""A folder that went, or was replaced, between being named and being watched."""

EXHAUSTED = frozenset({errno.ENOSPC, errno.ENOMEM})
"""No watches left for this user (fs.inotify.max_user_watches): trying the next folder is of no use."""


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
        reader: watchdog's descriptor and thread; a watch goes in and out through it.
        root: absolute; may be a link itself.
        tell: gets the hints, from the reader's thread and from whoever calls `plant`.
        ignored_names: folders and files of these names are not watched and not told of.
    """

    def __init__(
        self, reader: InotifyFD, root: bytes, tell: Callable[[WatchEvent], None], ignored_names: frozenset[bytes]
    ) -> None:
        self._reader = reader
        self._root = root
        self._tell = tell
        self._ignored_names = ignored_names
        self._lock = threading.RLock()
        self._folders: dict[bytes, _Folder] = {}
        self._is_standing = True

    def plant(self) -> None:
        """Watch the root and everything below; what cannot be watched is told as FAILED."""
        with self._lock:
            if self._is_standing:
                self._watch_all(self._root)

    def fell(self) -> None:
        """Remove all watches; nothing is told afterwards."""
        with self._lock:
            self._is_standing = False
            self._unwatch_all(self._root)

    def forget(self, folder: _Folder) -> None:
        """The folder's watch descriptor is no more."""
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
        with self._lock:
            if not self._is_standing or self._folders.get(folder.path) is not folder:
                return
            if not event.name:
                self._on_own_event(folder, event)
            elif event.name not in self._ignored_names:
                self._on_entry(folder.path.rstrip(b"/") + b"/" + event.name, event)

    def _on_own_event(self, folder: _Folder, event: InotifyEvent) -> None:
        """Of a watched folder itself; its parent tells the rest of what happens to it."""
        is_root = folder.path == self._root
        if is_root and event.mask & ROOT_WENT:
            self._unwatch_all(self._root)
            self._tell(WatchEvent(WatchKind.FAILED, self._root))
        elif event.mask & InotifyConstants.IN_UNMOUNT:
            # What was mounted here is gone; the folder that it covered shows again.
            self._unwatch_all(folder.path)
            self._watch_all(folder.path)
            self._tell(WatchEvent(WatchKind.FOLDER_CHANGED, folder.path))
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
        while waiting:
            path = waiting.pop()
            try:
                self._watch(path)
                waiting += self._subfolders(path)
            except OSError as error:
                if error.errno in EXHAUSTED:
                    self._tell(WatchEvent(WatchKind.FAILED, top))
                    return
                if path == self._root or error.errno not in VANISHED:
                    self._tell(WatchEvent(WatchKind.FAILED, path))

    def _watch(self, path: bytes) -> None:
        folder = _Folder(self, path)
        mask = MASK if path == self._root else Mask(MASK | InotifyConstants.IN_DONT_FOLLOW)
        folder.wd = self._reader.add_callback(path, mask, folder, folder.id)
        if folder.wd < 0:  # watchdog keeps EACCES to itself
            self._reader.remove_callbacks([(folder.wd, folder.id)])
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        self._unwatch(path)
        self._folders[path] = folder

    def _unwatch(self, path: bytes) -> None:
        folder = self._folders.pop(path, None)
        if folder is not None:
            self._reader.remove_callbacks([(folder.wd, folder.id)])

    def _unwatch_all(self, top: bytes) -> None:
        below = top.rstrip(b"/") + b"/"
        for path in [path for path in self._folders if path == top or path.startswith(below)]:
            self._unwatch(path)

    def _subfolders(self, path: bytes) -> list[bytes]:
        with os.scandir(path) as entries:
            return [
                entry.path for entry in entries if entry.name not in self._ignored_names and entry.is_dir(follow_symlinks=False)
            ]
