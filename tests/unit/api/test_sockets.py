from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from wan_healthd.api.sockets import bind, handed_in
from wan_healthd.domain.errors import ConfigInvalid


def test_it_has_its_mode_and_group_whatever_the_umask(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    gid = 65113 if os.geteuid() == 0 else os.getegid()
    previous = os.umask(0)
    try:
        control = bind(path, gid)
    finally:
        os.umask(previous)
    found = os.stat(path)
    assert (stat.S_IMODE(found.st_mode), found.st_gid) == (0o660, gid)
    control.listener.close()
    control.remove()
    assert not os.path.exists(path)


def test_what_a_dead_daemon_left_is_replaced(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(path)
    dead.close()
    control = bind(path, None)
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(path)
    control.listener.close()
    control.remove()


def test_a_living_daemon_is_left_alone(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as living:
        living.bind(path)
        living.listen()
        with pytest.raises(ConfigInvalid, match=r"cannot listen on .*/s: another wan-healthd answers there"):
            bind(path, None)
        assert os.path.exists(path)


def test_two_of_ours_cannot_share_a_path_even_if_the_first_does_not_answer_yet(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    first = bind(path, None)
    with pytest.raises(ConfigInvalid, match="another wan-healthd"):
        bind(path, None)
    first.listener.close()
    first.remove()


@pytest.mark.parametrize("kind", ["file", "folder", "link"])
def test_what_is_not_a_socket_is_never_removed(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "s"
    if kind == "file":
        path.write_bytes(b"precious")
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigInvalid, match="not a socket"):
        bind(str(path), None)
    assert os.path.lexists(path)


@pytest.mark.parametrize("name", ["absent/s", "x" * 108])
def test_a_place_that_cannot_be_says_why(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigInvalid, match="cannot listen on") as refused:
        bind(str(tmp_path / name), None)
    assert refused.value.suggestion


def test_a_lock_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "s.lock").symlink_to(tmp_path / "victim")
    with pytest.raises(ConfigInvalid):
        bind(str(tmp_path / "s"), None)
    assert not (tmp_path / "victim").exists()


def test_a_node_that_is_no_longer_ours_stays(tmp_path: Path) -> None:
    path = tmp_path / "s"
    control = bind(str(path), None)
    path.unlink()
    path.write_bytes(b"somebody else's")
    control.listener.close()
    control.remove()
    assert path.exists()


@pytest.mark.parametrize(
    "environ", [{}, {"LISTEN_FDS": "1"}, {"LISTEN_FDS": "1", "LISTEN_PID": "1"}, {"LISTEN_FDS": "x", "LISTEN_PID": "7"}]
)
def test_nothing_is_handed_in(environ: dict[str, str]) -> None:
    assert handed_in(environ, 7) == ()


PICK_UP = """
import os, socket, sys
from wan_healthd.api.sockets import handed_in
kind = sys.argv[1]
if kind == "unix":
    first = socket.socket(socket.AF_UNIX); first.bind(sys.argv[2]); first.listen()
else:
    first = socket.socket(socket.AF_INET); first.bind(("127.0.0.1", 0)); first.listen()
plain = os.open("/dev/null", os.O_RDONLY)
source = os.dup(first.fileno()); first.close()
os.dup2(source, 40); os.dup2(plain, 41)
for number in range(3, 40):
    try: os.close(number)
    except OSError: pass
os.dup2(40, 3); os.dup2(41, 4); os.close(40); os.close(41)
found = handed_in({"LISTEN_FDS": "3", "LISTEN_PID": str(os.getpid())}, os.getpid())
print([item.getsockname() for item in found], [os.get_inheritable(item.fileno()) for item in found])
"""


def picked_up(kind: str, path: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", PICK_UP, kind, str(path)]
    return subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)


def test_what_systemd_hands_in_is_picked_up_and_its_store_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "s"
    assert picked_up("unix", path).stdout.strip() == f"[{str(path)!r}] [False]"


def test_a_network_socket_is_refused(tmp_path: Path) -> None:
    assert "cannot use descriptor 3 from systemd: it is not a Unix stream socket" in picked_up("inet", tmp_path / "s").stderr
