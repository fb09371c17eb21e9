"""Looks at and opens files below a root: the `Files` port over the kernel's own guards."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Generator, Iterable, Iterator
from typing import Generic, TypeVar

from msgspec import Struct, structs

from wan_healthd.domain.files import Entry, FileLook, Fingerprint, Listing, Presence
from wan_healthd.domain.ports import OpenedFile, SmallRead
from wan_healthd.host.beneath import Opener, Top, open_beneath, relative_to, way_beneath
from wan_healthd.host.filesystems import FileSystems, mounted_names
from wan_healthd.host.fingerprints import Looks, fingerprint_of
from wan_healthd.host.looks import errno_name_of, look_of, look_of_error
from wan_healthd.kernel import writers
from wan_healthd.kernel.openat2 import openat2

T = TypeVar("T")

LOOK_FLAGS = os.O_PATH | os.O_CLOEXEC
"""O_PATH opens the place, not the file: no device wakes up, no FIFO waits for a partner, no read permission is needed."""

READ_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
LIST_FLAGS = READ_FLAGS | os.O_DIRECTORY

MAX_HOPS = 16
"""Most links of one way that are told."""

PIECE_BYTES = 256 << 10
"""Most memory that is set aside for bytes that may not be there."""

MAX_ENTRIES = 250_000
"""Most names taken of one folder (about 1 KiB of memory each); a listing cut here says EOVERFLOW."""


class _Place(Struct, frozen=True):
    """A path below an opened root."""

    top: Top
    relative: bytes


class _Held(Generic[T]):
    """Something that rests on a descriptor, which is closed at the end of a `with`. There are several for each file."""

    __slots__ = ("_descriptor", "_value")

    def __init__(self, value: T, descriptor: int) -> None:
        self._value = value
        self._descriptor = descriptor

    def __enter__(self) -> T:
        return self._value

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)


class LocalFiles:
    """The `Files` port. Safe to use from any number of threads; `close` lets go of the mount table.

    A root that is a link itself is followed: it is the administrator who stated it.
    """

    def __init__(self, filesystems: FileSystems | None = None, opener: Opener = openat2) -> None:
        self._filesystems = filesystems or FileSystems()
        self._opener = opener

    def close(self) -> None:
        """Let go of the mount table."""
        self._filesystems.close()

    def look(self, root: bytes, path: bytes) -> FileLook:
        """One look at `path`, which needs no read permission: a file that cannot be opened is a FILE still."""
        try:
            with _place(root, path) as place:
                return self._look(place)
        except OSError as error:
            return look_of_error(error)

    def list_folder(self, root: bytes, path: bytes) -> Listing:
        """The folder's entries with a look at each; entries that vanish meanwhile are left out."""
        entries: list[Entry] = []
        refusal: str | None = None
        try:
            with _place(root, path) as place, self._opened(place, LIST_FLAGS) as folder:
                for entry in self._entries(place, folder):
                    if len(entries) == MAX_ENTRIES:
                        refusal = "EOVERFLOW"
                        break
                    entries.append(entry)
        except OSError as error:
            refusal = errno_name_of(error)
        entries.sort(key=lambda entry: entry.name)
        return Listing(path, tuple(entries), refusal)

    def fingerprints(self, root: bytes, folders: Iterable[bytes]) -> Generator[Fingerprint, None, None]:
        """Each folder in one value, as soon as it is asked for; a folder of more than MAX_ENTRIES has none (EOVERFLOW).

        The root is opened once for all of them: what is mounted there meanwhile shows in the next call.
        """
        try:
            held = _top(root)
        except OSError as error:
            yield from (Fingerprint(path, errno_name=errno_name_of(error)) for path in folders)
            return
        with held as top:
            for path in folders:
                yield self._fingerprint(top, path)

    def open(self, root: bytes, path: bytes) -> OpenedFile:
        """Open a regular file for reading; anything else is looked at, but not opened."""
        try:
            with _place(root, path) as place:
                look = self._look(place)
                return self._open(place, look) if look.presence is Presence.FILE else OpenedFile(look, None)
        except OSError as error:
            return OpenedFile(look_of_error(error), None)

    def look_open(self, descriptor: int) -> FileLook:
        """A look at a file that is open already."""
        try:
            return self._look_at(descriptor)
        except OSError as error:
            return look_of_error(error)

    def is_written(self, descriptor: int) -> bool:
        """Whether anybody has the open file open for writing, too."""
        with contextlib.suppress(OSError):
            return writers.is_written(descriptor)
        return False

    def read_small(self, root: bytes, path: bytes, limit_bytes: int) -> SmallRead:
        """The file's bytes, cut one byte behind `limit_bytes`; anything but a regular file is looked at, but not opened."""
        opened = self.open(root, path)
        if opened.descriptor is None:
            return SmallRead(opened.look, None)
        try:
            return SmallRead(opened.look, _read(opened.descriptor, limit_bytes + 1))
        except OSError as error:
            return SmallRead(_refused(opened.look, error), None)
        finally:
            os.close(opened.descriptor)

    def way(self, root: bytes, path: bytes) -> tuple[bytes, ...]:
        """`path` and where its links lead; those of the root itself are followed wherever they lead."""
        try:
            with _place(b"/" if path == root else root, path) as place:
                return path, *way_beneath(place.top, place.relative)[:MAX_HOPS]
        except OSError:
            return (path,)

    def mounted(self) -> frozenset[str]:
        """Names of the file systems that are mounted anywhere; asks local disks, and of servers only the mount table."""
        return mounted_names()

    def _look(self, place: _Place) -> FileLook:
        """First without following, so that a link is known as one, then behind it."""
        with self._opened(place, LOOK_FLAGS | os.O_NOFOLLOW) as descriptor:
            facts = os.fstat(descriptor)
            if not stat.S_ISLNK(facts.st_mode):
                return look_of(facts, self._filesystems.name(descriptor, facts.st_dev))
        return self._look_behind(place)

    def _look_behind(self, link: _Place) -> FileLook:
        try:
            with self._opened(link, LOOK_FLAGS) as descriptor:
                return self._look_at(descriptor, is_link=True)
        except OSError as error:
            return look_of_error(error, is_link=True)

    def _look_at(self, descriptor: int, *, is_link: bool = False) -> FileLook:
        facts = os.fstat(descriptor)
        return look_of(facts, self._filesystems.name(descriptor, facts.st_dev), is_link=is_link)

    def _fingerprint(self, top: Top, path: bytes) -> Fingerprint:
        try:
            place = _Place(top, _relative(top.path, path))
            with self._opened(place, LIST_FLAGS) as folder:
                inside = place.relative + b"/"
                looks = Looks(
                    behind=lambda name: self._look_behind(_Place(top, inside + os.fsencode(name))),
                    filesystem=lambda name, device: self._name_of(folder, name, device),
                )
                return fingerprint_of(path, folder, looks, MAX_ENTRIES)
        except OSError as error:
            return Fingerprint(path, errno_name=errno_name_of(error))

    def _open(self, place: _Place, look: FileLook) -> OpenedFile:
        """Open what was a regular file a moment ago, and make sure that it still is one."""
        try:
            with contextlib.ExitStack() as undo:
                descriptor = open_beneath(place.top, place.relative, READ_FLAGS, self._opener)
                undo.callback(os.close, descriptor)
                opened = self._look_at(descriptor, is_link=look.is_link)
                if opened.presence is not Presence.FILE:
                    return OpenedFile(opened, None)
                undo.pop_all()
                return OpenedFile(opened, descriptor)
        except OSError as error:
            return OpenedFile(_refused(look, error), None)

    def _opened(self, place: _Place, flags: int) -> _Held[int]:
        descriptor = open_beneath(place.top, place.relative, flags, self._opener)
        return _Held(descriptor, descriptor)

    def _entries(self, place: _Place, folder: int) -> Iterator[Entry]:
        device = os.fstat(folder).st_dev
        filesystem = self._filesystems.name(folder, device)
        with os.scandir(folder) as scan:
            for found in scan:
                name = os.fsencode(found.name)
                try:
                    if found.is_symlink():
                        look = self._look(_Place(place.top, place.relative + b"/" + name))
                    else:
                        facts = found.stat(follow_symlinks=False)
                        look = look_of(facts, filesystem if facts.st_dev == device else self._elsewhere(folder, found.name))
                except OSError as error:
                    look = look_of_error(error)
                if look.presence is not Presence.ABSENT:
                    yield Entry(name, look)

    def _name_of(self, folder: int, name: str | None, device: int) -> str:
        """The file system of the folder itself (`name` None), or of an entry that is not on the folder's."""
        return self._filesystems.name(folder, device) if name is None else self._elsewhere(folder, name)

    def _elsewhere(self, folder: int, name: str) -> str:
        """The file system of an entry that is not on its folder's: a mount point, a subvolume, a layer of an overlay."""
        descriptor = os.open(name, LOOK_FLAGS | os.O_NOFOLLOW, dir_fd=folder)
        try:
            return self._filesystems.name(descriptor, os.fstat(descriptor).st_dev)
        finally:
            os.close(descriptor)


def _place(root: bytes, path: bytes) -> _Held[_Place]:
    """`path` below the opened root, as long as the block lasts.

    Raises:
        OSError: the root cannot be opened, or (EXDEV) the path is not below it.
    """
    relative = _relative(root, path)
    descriptor = os.open(root, LOOK_FLAGS)
    return _Held(_Place(Top(root, descriptor), relative), descriptor)


def _top(root: bytes) -> _Held[Top]:
    """The opened root, as long as the block lasts. Raises OSError where it cannot be opened."""
    descriptor = os.open(root, LOOK_FLAGS)
    return _Held(Top(root, descriptor), descriptor)


def _relative(root: bytes, path: bytes) -> bytes:
    """`path` relative to the root. Raises OSError (EXDEV) if it is not below it."""
    relative = relative_to(root, path)
    if relative is None:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
    if b"\0" in path:
        raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))
    return relative


def _read(descriptor: int, length: int) -> bytes:
    """The first `length` bytes; fewer only where the file ends."""
    data = bytearray()
    while piece := os.read(descriptor, min(length - len(data), PIECE_BYTES)):
        data += piece
    return bytes(data)


def _refused(look: FileLook, error: OSError) -> FileLook:
    """What was looked at could not be opened: keep what is known of it, unless it went meanwhile."""
    refusal = look_of_error(error, is_link=look.is_link)
    if refusal.presence not in (Presence.FORBIDDEN, Presence.UNREADABLE):
        return refusal
    return structs.replace(look, presence=refusal.presence, errno_name=refusal.errno_name)
