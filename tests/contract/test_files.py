"""What every Files keeps to: by openat2, and by hand where the kernel or a system call filter refuses openat2."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from wan_healthd.domain.files import FileLook, Fingerprint, Presence
from wan_healthd.domain.ports import Files
from wan_healthd.host.files import LocalFiles


def not_implemented(folder: int, path: bytes, flags: int) -> int:
    """Openat2 as on a kernel before 5.6."""
    raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))


def filtered(folder: int, path: bytes, flags: int) -> int:
    """Openat2 as under a system call filter that does not know it."""
    raise OSError(errno.EPERM, os.strerror(errno.EPERM))


@pytest.fixture(params=["openat2", "not-implemented", "filtered"])
def files(request: pytest.FixtureRequest) -> Iterator[Files]:
    openers = {"not-implemented": not_implemented, "filtered": filtered}
    local = LocalFiles(opener=openers[request.param]) if request.param in openers else LocalFiles()
    yield local
    local.close()


@pytest.fixture
def root(tmp_path: Path) -> bytes:
    (tmp_path / "root").mkdir()
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_bytes(b"secret")
    return os.fsencode(tmp_path / "root")


def put(path: bytes, content: bytes = b"x") -> bytes:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(content)
    return path


def presence(files: Files, root: bytes, name: bytes) -> Presence:
    """The presence that look, open and the listing agree on."""
    path = root + b"/" + name
    look = files.look(root, path)
    opened = files.open(root, path)
    if opened.descriptor is not None:
        os.close(opened.descriptor)
    assert opened.look == look
    folder, _, last = path.rpartition(b"/")
    listed = {entry.name: entry.look for entry in files.list_folder(root, folder).entries}
    assert listed.get(last, FileLook(Presence.ABSENT)) == look
    return look.presence


def test_a_file_is_what_stat_says(files: Files, root: bytes) -> None:
    path = put(root + b"/model.safetensors", b"12345")
    os.chmod(path, 0o4640)
    facts = os.stat(path)
    look = files.look(root, path)
    assert look.presence is Presence.FILE
    assert look.identity is not None and look.mode is not None
    identity = (look.identity.inode, look.identity.size_bytes, look.identity.mtime_ns, look.identity.ctime_ns)
    assert identity == (facts.st_ino, 5, facts.st_mtime_ns, facts.st_ctime_ns)
    assert (look.mode.mode, look.mode.uid, look.mode.gid) == (0o4640, facts.st_uid, facts.st_gid)
    assert look.allocated_bytes == facts.st_blocks * 512
    assert (look.errno_name, look.is_link) == (None, False)


def test_an_opened_file_can_be_read_and_looked_at(files: Files, root: bytes) -> None:
    path = put(root + b"/a/b/c", b"content")
    opened = files.open(root, path)
    assert opened.descriptor is not None
    try:
        assert os.read(opened.descriptor, 100) == b"content"
        assert files.look_open(opened.descriptor) == opened.look == files.look(root, path)
        assert not os.get_inheritable(opened.descriptor)
    finally:
        os.close(opened.descriptor)


def test_holes_show_in_what_is_allocated(files: Files, root: bytes) -> None:
    path = put(root + b"/sparse", b"")
    os.truncate(path, 1 << 20)
    look = files.look(root, path)
    assert look.identity is not None
    assert look.identity.size_bytes == 1 << 20
    assert look.allocated_bytes == 0


@pytest.mark.parametrize("name", [b"nothing", b"file/below", b"no/such/folder", b"x" * 300, b"nul\0byte"])
def test_what_is_not_there_is_absent(files: Files, root: bytes, name: bytes) -> None:
    put(root + b"/file")
    path = root + b"/" + name
    assert files.look(root, path) == FileLook(Presence.ABSENT)
    assert files.open(root, path).look == FileLook(Presence.ABSENT)


def test_links_inside_the_root_are_followed(files: Files, root: bytes) -> None:
    put(root + b"/blobs/blob", b"12345")
    os.makedirs(root + b"/snapshots/main")
    os.symlink(b"../../blobs/blob", root + b"/snapshots/main/relative")
    os.symlink(root + b"/blobs/blob", root + b"/snapshots/main/absolute")
    os.symlink(b"../../../root/blobs/blob", root + b"/snapshots/main/out-and-in")
    os.symlink(b"absolute", root + b"/snapshots/main/chain")
    os.symlink(root + b"/blobs", root + b"/folder-link")
    target = files.look(root, root + b"/blobs/blob")
    for name in (b"relative", b"absolute", b"out-and-in", b"chain"):
        assert presence(files, root, b"snapshots/main/" + name) is Presence.FILE, name
        look = files.look(root, root + b"/snapshots/main/" + name)
        assert look.is_link and look.identity == target.identity
    assert presence(files, root, b"folder-link") is Presence.FOLDER
    below = files.look(root, root + b"/folder-link/blob")
    assert (below.identity, below.is_link) == (target.identity, False)
    assert [entry.name for entry in files.list_folder(root, root + b"/folder-link").entries] == [b"blob"]


@pytest.mark.parametrize(
    "target", [b"../outside/secret", b"/etc/passwd", b"../../../../../../etc/passwd", b"..", b"../nothing"]
)
def test_links_out_of_the_root_are_never_followed(files: Files, root: bytes, target: bytes) -> None:
    os.symlink(target, root + b"/link")
    assert presence(files, root, b"link") is Presence.OUTSIDE
    assert files.look(root, root + b"/link") == FileLook(Presence.OUTSIDE, is_link=True)


def test_a_folder_link_out_of_the_root_hides_what_is_behind(files: Files, root: bytes) -> None:
    os.symlink(b"../outside", root + b"/link")
    assert files.look(root, root + b"/link/secret").presence is Presence.OUTSIDE
    listing = files.list_folder(root, root + b"/link")
    assert (listing.entries, listing.errno_name) == ((), "EXDEV")


def test_a_sibling_with_the_same_beginning_is_outside(files: Files, root: bytes) -> None:
    put(root + b"-other/file")
    os.symlink(root + b"-other/file", root + b"/link")
    assert presence(files, root, b"link") is Presence.OUTSIDE
    assert files.look(root, root + b"-other/file").presence is Presence.OUTSIDE
    assert files.look(root, root + b"/../outside/secret").presence is Presence.OUTSIDE


def test_links_that_lead_nowhere_dangle(files: Files, root: bytes) -> None:
    put(root + b"/file")
    os.symlink(b"nothing", root + b"/dangling")
    os.symlink(root + b"/nothing", root + b"/dangling-absolute")
    os.symlink(b"file/below", root + b"/below-a-file")
    os.symlink(b"two", root + b"/one")
    os.symlink(b"one", root + b"/two")
    for name in (b"dangling", b"dangling-absolute", b"below-a-file", b"one"):
        assert presence(files, root, name) is Presence.DANGLING, name
        assert files.look(root, root + b"/" + name).is_link
    assert files.look(root, root + b"/one").errno_name == "ELOOP"


def test_links_are_followed_at_most_forty_times(files: Files, root: bytes) -> None:
    put(root + b"/0")
    for number in range(1, 60):
        os.symlink(b"%d" % (number - 1), root + b"/%d" % number)
    assert presence(files, root, b"40") is Presence.FILE
    assert presence(files, root, b"41") is Presence.DANGLING


def test_what_is_no_file_is_never_opened(files: Files, root: bytes) -> None:
    os.mkfifo(root + b"/fifo")
    os.symlink(b"fifo", root + b"/fifo-link")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(root + b"/socket")
    listener.close()
    for name in (b"fifo", b"fifo-link", b"socket"):
        assert presence(files, root, name) is Presence.IRREGULAR, name
    assert files.look(b"/dev", b"/dev/null").presence is Presence.IRREGULAR
    assert files.open(b"/dev", b"/dev/null").descriptor is None


def test_a_folder_is_looked_at_but_not_opened(files: Files, root: bytes) -> None:
    os.mkdir(root + b"/folder")
    assert presence(files, root, b"folder") is Presence.FOLDER


def test_the_root_itself(files: Files, root: bytes, tmp_path: Path) -> None:
    put(root + b"/file")
    alias = os.fsencode(tmp_path / "alias")
    os.symlink(root, alias)
    for name in (root, alias, root + b"/"):
        assert files.look(name, name).presence is Presence.FOLDER
        assert [entry.name for entry in files.list_folder(name, name).entries] == [b"file"]
        assert files.look(name, name.rstrip(b"/") + b"/file").presence is Presence.FILE


def test_links_that_name_the_root_by_its_alias_are_inside(files: Files, root: bytes, tmp_path: Path) -> None:
    put(root + b"/file")
    alias = os.fsencode(tmp_path / "alias")
    os.symlink(root, alias)
    os.symlink(alias + b"/file", root + b"/by-alias")
    os.symlink(root + b"/file", root + b"/by-place")
    assert presence(files, alias, b"by-alias") is Presence.FILE
    assert presence(files, alias, b"by-place") is Presence.FILE


def test_a_root_may_be_a_single_file(files: Files, root: bytes) -> None:
    path = put(root + b"/model.safetensors", b"12345")
    assert files.look(path, path).presence is Presence.FILE
    opened = files.open(path, path)
    assert opened.descriptor is not None
    os.close(opened.descriptor)
    assert files.list_folder(path, path).errno_name == "ENOTDIR"


def test_the_root_of_the_whole_system(files: Files, root: bytes) -> None:
    path = put(root + b"/file")
    os.symlink(path, root + b"/link")
    assert files.look(b"/", path).presence is Presence.FILE
    assert files.look(b"/", root + b"/link").presence is Presence.FILE


def test_a_root_that_is_gone(files: Files, root: bytes) -> None:
    os.rmdir(root)
    assert files.look(root, root).presence is Presence.ABSENT
    assert files.look(root, root + b"/file").presence is Presence.ABSENT
    assert files.list_folder(root, root).errno_name == "ENOENT"


def test_names_are_bytes_and_listings_are_sorted_by_them(files: Files, root: bytes) -> None:
    names = [b"\xff\xfe", b"a", b"B", b"new\nline", b"\xc3\xa4", b"zz"]
    for name in names:
        put(root + b"/" + name)
    listing = files.list_folder(root, root)
    assert [entry.name for entry in listing.entries] == sorted(names)
    assert (listing.path, listing.errno_name) == (root, None)
    assert all(presence(files, root, name) is Presence.FILE for name in names)


def test_a_file_that_is_not_open_is_unreadable(files: Files) -> None:
    assert files.look_open(1 << 20) == FileLook(Presence.UNREADABLE, errno_name="EBADF")


def small(files: Files, root: bytes, name: bytes, limit_bytes: int = 100) -> tuple[Presence, bytes | None]:
    """What is read; the look at it is that of `look`."""
    found = files.read_small(root, root + b"/" + name, limit_bytes)
    assert found.look == files.look(root, root + b"/" + name)
    return found.look.presence, found.data


@pytest.mark.parametrize("size", [0, 1, 99, 100, 101, 1_000_000])
def test_a_small_file_is_read_to_one_byte_behind_its_limit(files: Files, root: bytes, size: int) -> None:
    content = bytes(index % 251 for index in range(size))
    put(root + b"/sums", content)
    assert small(files, root, b"sums") == (Presence.FILE, content[:101])
    assert small(files, root, b"sums", 2_000_000) == (Presence.FILE, content)


def test_small_files_behind_links_are_read_inside_the_root_only(files: Files, root: bytes) -> None:
    put(root + b"/a/sums", b"12345")
    os.symlink(b"a/sums", root + b"/inside")
    os.symlink(root + b"/a", root + b"/folder")
    os.symlink(b"../outside/secret", root + b"/outside")
    os.symlink(b"nothing", root + b"/dangling")
    assert small(files, root, b"inside") == (Presence.FILE, b"12345")
    assert small(files, root, b"folder/sums") == (Presence.FILE, b"12345")
    assert small(files, root, b"outside") == (Presence.OUTSIDE, None)
    assert small(files, root, b"dangling") == (Presence.DANGLING, None)
    assert files.read_small(root, root + b"/../outside/secret", 100).data is None


def test_only_regular_files_are_read(files: Files, root: bytes) -> None:
    os.mkfifo(root + b"/fifo")
    os.mkdir(root + b"/folder")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(root + b"/socket")
    listener.close()
    for name in (b"fifo", b"socket"):
        assert small(files, root, name) == (Presence.IRREGULAR, None)
    assert small(files, root, b"folder") == (Presence.FOLDER, None)
    for name in (b"nothing", b"nul\0byte", b"x" * 300):
        assert small(files, root, name) == (Presence.ABSENT, None)
    assert files.read_small(b"/dev", b"/dev/zero", 100).data is None


def test_a_small_file_that_the_system_does_not_give(files: Files) -> None:
    """Reading the memory of a process at address 0 is refused with EIO."""
    found = files.read_small(b"/proc/self", b"/proc/self/mem", 100)
    assert (found.data, found.look.presence, found.look.errno_name) == (None, Presence.UNREADABLE, "EIO")
    assert found.look.identity is not None


def way(files: Files, root: bytes, name: bytes) -> list[bytes]:
    """The way, by names below the root where they are."""
    first, *hops = files.way(root, root + b"/" + name)
    assert first == root + b"/" + name
    return [hop.removeprefix(root + b"/") for hop in hops]


def test_the_way_names_where_each_link_leads(files: Files, root: bytes) -> None:
    put(root + b"/cache/blobs/ab/payload")
    os.makedirs(root + b"/cache/repo/blobs")
    os.makedirs(root + b"/cache/repo/snapshots/1/deep")
    os.symlink(b"../../blobs/ab/payload", root + b"/cache/repo/blobs/etag")
    os.symlink(b"../../../blobs/etag", root + b"/cache/repo/snapshots/1/deep/model")
    os.symlink(root + b"/cache/repo/snapshots/1/deep/model", root + b"/absolute")
    ends = [b"cache/repo/blobs/etag", b"cache/blobs/ab/payload"]
    assert way(files, root, b"cache/repo/snapshots/1/deep/model") == ends
    assert way(files, root, b"absolute") == [b"cache/repo/snapshots/1/deep/model", *ends]
    assert way(files, root, b"cache/blobs/ab/payload") == []


def test_links_of_folders_are_no_hops_but_are_resolved_on_the_way(files: Files, root: bytes) -> None:
    """By their text alone, `..` behind a link to a folder would lead elsewhere."""
    put(root + b"/store/blobs/right")
    put(root + b"/blobs/right")
    os.makedirs(root + b"/store/snapshots/1")
    os.symlink(b"../../blobs/right", root + b"/store/snapshots/1/model")
    os.makedirs(root + b"/names/of")
    os.symlink(b"../../store/snapshots/1", root + b"/names/of/main")
    os.symlink(b"main/../../blobs/right", root + b"/names/of/model")
    assert way(files, root, b"names/of/main/model") == [b"store/blobs/right"]
    assert way(files, root, b"names/of/model") == [b"store/blobs/right"]


def test_the_way_ends_where_it_leaves_the_root(files: Files, root: bytes) -> None:
    outside = os.path.dirname(root) + b"/outside"
    os.symlink(b"second", outside + b"/first")
    os.makedirs(root + b"/folder")
    os.symlink(b"../../outside/first", root + b"/folder/relative")
    os.symlink(outside + b"/./x/../first", root + b"/absolute")
    os.symlink(b"folder/relative", root + b"/twice")
    assert way(files, root, b"folder/relative") == way(files, root, b"absolute") == [outside + b"/first"]
    assert way(files, root, b"twice") == [b"folder/relative", outside + b"/first"]
    os.symlink(b"..", root + b"/parent")
    assert way(files, root, b"parent") == [os.path.dirname(root)]


def test_the_way_ends_where_nothing_is(files: Files, root: bytes) -> None:
    os.symlink(b"blobs/gone", root + b"/dangling")
    os.symlink(b"two", root + b"/one")
    os.symlink(b"one", root + b"/two")
    assert way(files, root, b"dangling") == [b"blobs/gone"]
    assert way(files, root, b"one") == [b"two", b"one"] * 8
    assert way(files, root, b"nothing") == way(files, root, b"dangling/below") == way(files, root, b"nul\0byte") == []
    assert files.way(root, b"/etc/passwd") == (b"/etc/passwd",)


def test_the_way_of_a_root_is_the_administrators(files: Files, root: bytes, tmp_path: Path) -> None:
    place = put(root + b"/blobs/etag")
    named = os.fsencode(tmp_path / "model")
    os.symlink(b"root/blobs/etag", named)
    assert files.way(named, named) == (named, place)
    alias = os.fsencode(tmp_path / "alias")
    os.symlink(b"root", alias)
    os.symlink(b"blobs/etag", root + b"/link")
    assert files.way(alias, alias + b"/link") == (alias + b"/link", alias + b"/blobs/etag")
    assert files.way(root + b"/gone", root + b"/gone") == (root + b"/gone",)


def relink(link: bytes, target: bytes) -> None:
    os.unlink(link)
    os.symlink(target, link)


def changes(folder: bytes) -> dict[str, Callable[[], object]]:
    """What makes a folder another one, each done to what the ones before left."""
    file, link = folder + b"/file", folder + b"/link"
    return {
        "a file more": lambda: put(folder + b"/more"),
        "a file less": lambda: os.unlink(folder + b"/more"),
        "other bytes": lambda: put(file, b"y"),
        "the old time": lambda: os.utime(file, ns=(1, 1)),
        "other permissions": lambda: os.chmod(file, 0o600),
        "another name": lambda: os.rename(folder + b"/name", folder + b"/other"),
        "a hard link": lambda: os.link(file, folder + b"/hard"),
        "what a link leads to": lambda: put(folder + b"/../target", b"z"),
        "where a link leads": lambda: relink(link, b"file"),
        "a link that leads nowhere": lambda: os.rename(folder + b"/../goal", folder + b"/../away"),
        "a folder more": lambda: os.mkdir(folder + b"/folder"),
        "a folder less": lambda: os.rmdir(folder + b"/folder"),
        "a pipe": lambda: os.mkfifo(folder + b"/pipe"),
        "its own permissions": lambda: os.chmod(folder, 0o700),
    }


def fingerprint(files: Files, root: bytes, folder: bytes) -> Fingerprint:
    (found,) = files.fingerprints(root, [folder])
    return found


def test_fingerprints_tell_any_change_and_nothing_else(files: Files, root: bytes) -> None:
    folder = root + b"/f"
    for name in (b"/f/file", b"/f/name", b"/target", b"/goal", b"/f/sub/deep"):
        put(root + name)
    os.symlink(b"../target", folder + b"/link")
    os.symlink(b"../goal", folder + b"/other-link")
    seen = {fingerprint(files, root, folder).digest}
    for number, (what, change) in enumerate(changes(folder).items(), 2):
        time.sleep(0.012)  # a tick of the kernel's clock
        change()
        seen.add(fingerprint(files, root, folder).digest)
        assert len(seen) == number, what
        assert fingerprint(files, root, folder).digest in seen
        assert fingerprint(files, root, folder) == fingerprint(files, root, folder)
    before = fingerprint(files, root, folder).digest
    put(folder + b"/sub/deep", b"changed")
    put(folder + b"/sub/new")
    assert fingerprint(files, root, folder).digest == before, "a sub-folder has one of its own"


def test_what_fingerprints_tell_besides(files: Files, root: bytes) -> None:
    put(root + b"/sub/x")
    put(root + b"/\xff\n")
    os.symlink(b"sub", root + b"/inside")
    os.symlink(b"../outside", root + b"/way-out")
    os.symlink(b"nothing", root + b"/dangling")
    found = fingerprint(files, root, root)
    assert (found.entries, found.folders, found.linked) == (5, (b"sub",), (b"inside", b"way-out"))
    assert found.newest_ns == max(os.lstat(root + b"/" + name).st_ctime_ns for name in os.listdir(root) if name != b"sub")


def test_a_fingerprint_of_what_cannot_be_listed_says_why(files: Files, root: bytes) -> None:
    put(root + b"/file")
    os.symlink(b"../outside", root + b"/way-out")
    refused = [root + b"/gone", root + b"/file", root + b"/way-out", root + b"-beside/it", root + b"/a\0b"]
    told = list(files.fingerprints(root, [*refused, root]))
    errors = ["ENOENT", "ENOTDIR", "EXDEV", "EXDEV", "ENOENT", None]
    assert [(found.path, found.errno_name, found.digest == b"") for found in told] == [
        (path, error, error is not None) for path, error in zip([*refused, root], errors, strict=True)
    ]
    gone = files.fingerprints(root + b"-gone", [root + b"-gone", root + b"-gone/x"])
    assert [found.errno_name for found in gone] == ["ENOENT", "ENOENT"]


def test_fingerprints_are_taken_as_they_are_asked_for(files: Files, root: bytes) -> None:
    wanted = [root]
    with contextlib.closing(files.fingerprints(root, wanted)) as looked:
        next(looked)
        put(root + b"/sub/x")
        wanted.append(root + b"/sub")
        assert next(looked).entries == 1
