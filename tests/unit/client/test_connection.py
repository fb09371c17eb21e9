"""Connecting, failing to connect, and servers that behave badly: all on real sockets."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.fakes.facade import AWKWARD, DAMAGED
from tests.fakes.serving import Served, serving
from wan_healthd.client.connection import connect, exchange
from wan_healthd.client.daemon import Daemon
from wan_healthd.client.discovery import Place
from wan_healthd.client.errors import AnswerNotUnderstood, ClientError, DaemonUnreachable, Refused, SocketForbidden
from wan_healthd.client.quoting import quote


def ignore(_version: str) -> None:
    """Nobody is greeted."""


def daemon_at(path: str) -> Daemon:
    return Daemon([Place(path)], ignore)


@contextmanager
def impostor(path: Path, behave: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that treats its one client as `behave` says."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                behave(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield str(path)
        finally:
            thread.join(10)


def answering(answer: bytes) -> Callable[[socket.socket], None]:
    def behave(connection: socket.socket) -> None:
        connection.recv(65536)
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(answer)

    return behave


def test_the_first_place_that_answers_counts(served: Served, tmp_path: Path) -> None:
    stale = tmp_path / "stale"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(stale))
    places = [Place(str(tmp_path / "absent")), Place(str(stale)), Place(served.path)]
    assert exchange(places, "GET", "/healthz", None, 5).body == b'{"schema":1,"ok":true}'


def test_ids_come_through_whole(served: Served) -> None:
    daemon = daemon_at(served.path)
    for name in (DAMAGED, AWKWARD):
        assert daemon.list_files(name).document.plain["model_id"] == name


def test_a_refusal_is_the_daemons_own_words(served: Served) -> None:
    with pytest.raises(Refused) as refused:
        daemon_at(served.path).get_model("no/body\x1b")
    assert (refused.value.code, refused.value.message) == ("model-not-found", "cannot find the model no/body\\x1b")


def test_another_version_is_greeted_once(tmp_path: Path) -> None:
    greeted: list[str] = []
    with serving(tmp_path, version="9.9") as served:
        daemon = Daemon([Place(served.path)], greeted.append)
        daemon.version()
        daemon.status()
    assert greeted == ["9.9"]


def test_no_socket_says_where_and_how_to_start(tmp_path: Path) -> None:
    with pytest.raises(DaemonUnreachable) as failure:
        connect([Place(str(tmp_path / "a")), Place(str(tmp_path / "b" / "c"))])
    assert "there is no socket at" in failure.value.message
    assert str(tmp_path / "b" / "c") in failure.value.message
    assert "systemctl start wan-healthd" in failure.value.suggestion
    assert "wan-healthd --config FILE" in failure.value.suggestion


def test_a_left_over_socket_means_not_running(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "s"))
    with pytest.raises(DaemonUnreachable, match="nobody answers there, so it is not running"):
        connect([Place(str(tmp_path / "absent")), Place(str(tmp_path / "s"))])


def test_a_file_is_the_wrong_socket(tmp_path: Path) -> None:
    (tmp_path / "s").write_bytes(b"")
    with pytest.raises(DaemonUnreachable, match="that is not a socket"):
        connect([Place(str(tmp_path / "s"))])


@pytest.mark.parametrize("path", ["", "x" * 200])
def test_a_path_that_no_socket_can_have(path: str) -> None:
    with pytest.raises(DaemonUnreachable, match="1 to 107 bytes"):
        connect([Place(path)])


def test_a_folder_that_others_can_enter_is_not_believed(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    with serving(tmp_path) as served:
        with pytest.raises(SocketForbidden, match="not yours alone"):
            connect([Place(served.path, private=True)])
        tmp_path.chmod(0o700)
        connect([Place(served.path, private=True)]).close()


FORBIDDEN = """
import grp, os, sys
sys.path.insert(0, sys.argv[2])
from wan_healthd.client.connection import connect
from wan_healthd.client.discovery import Place
from wan_healthd.client.errors import SocketForbidden
os.setgroups([]); os.setgid(65111); os.setuid(65111)
try:
    connect([Place(sys.argv[1])])
except SocketForbidden as failure:
    print(failure.message)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize(("mode", "says"), [(0o755, "members of the group"), (0o700, "you may not look into its folder")])
def test_no_permission_says_who_has_it(tmp_path_factory: pytest.TempPathFactory, mode: int, says: str) -> None:
    folder = Path(f"/tmp/wan-healthd-forbidden-{os.getpid()}")
    folder.mkdir(mode=0o755)
    try:
        with serving(folder) as served:
            os.chown(served.path, 0, 65113)
            folder.chmod(mode)
            checkout = str(Path(__file__).parents[3])
            said = subprocess.run(
                [sys.executable, "-c", FORBIDDEN, served.path, checkout], capture_output=True, text=True, timeout=20, check=True
            ).stdout
            assert says in said
            assert ("65113" in said) == (mode == 0o755)
    finally:
        for left in folder.iterdir():
            left.unlink()
        folder.rmdir()


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-OpenSSH_9\r\n",
        b"HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nServer: wan-healthd/1\r\nContent-Length: 2\r\n\r\n[]",
        b"HTTP/1.1 500 No\r\nServer: wan-healthd/1\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nServer: wan-healthd/1\r\nContent-Length: 900\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nServer: wan-healthd/1\r\nContent-Length: 99999999999\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100_000,
    ],
)
def test_an_impostor_is_an_error_not_a_crash(tmp_path: Path, answer: bytes) -> None:
    with impostor(tmp_path / "s", answering(answer)) as path, pytest.raises(ClientError) as failure:
        daemon_at(path).status()
    assert failure.value.message.startswith("cannot ")
    assert isinstance(failure.value, (AnswerNotUnderstood, DaemonUnreachable))


def test_a_server_that_drips_does_not_hold_us(tmp_path: Path) -> None:
    def drip(connection: socket.socket) -> None:
        try:
            for _ in range(100):
                connection.sendall(b"H")
                time.sleep(0.02)
        except (BrokenPipeError, ConnectionResetError):
            pass

    with impostor(tmp_path / "s", drip) as path, pytest.raises(DaemonUnreachable, match=r"no complete answer after 0\.3 s"):
        exchange([Place(path)], "GET", "/", None, 0.3)


def test_a_server_that_hangs_up_unread_is_still_heard(tmp_path: Path) -> None:
    """As ours does with one connection too many."""
    answer = b"HTTP/1.1 503 No\r\nServer: wan-healthd/1\r\nContent-Length: 2\r\n\r\n{}"
    with impostor(tmp_path / "s", lambda connection: connection.sendall(answer)) as path:
        time.sleep(0.05)
        assert exchange([Place(path)], "GET", "/", None, 5).status == 503


def test_quoting_leaves_only_unreserved_characters() -> None:
    assert quote("Wan-AI/Wan 2.2~_ö%\udcff") == "Wan-AI%2FWan%202.2~_%C3%B6%25%FF"
