"""Who may act: judged by real processes of other users."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.fakes.serving import Served, serving
from wan_healthd.api.limits import DEFAULT_LIMITS, Limits
from wan_healthd.api.peers import caller_of
from wan_healthd.domain.callers import CallerRole

STRANGER = 65112
ACT_GROUP = 65113
ASK = """
import socket, sys
connection = socket.socket(socket.AF_UNIX)
connection.connect(sys.argv[1])
connection.sendall(sys.argv[2].encode() + b" HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n")
print(connection.recv(65536).decode().split()[1])
"""
HOARD = """
import socket, sys
held = [socket.socket(socket.AF_UNIX) for _ in range(3)]
for connection in held:
    connection.connect(sys.argv[1])
print(held[-1].recv(65536).decode().split()[1], flush=True)
sys.stdin.read()
"""
CHECK = "POST /v1/models/fresh/check"

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can start processes of other users")


def status_for(served: Served, request: str, *, groups: Sequence[int] = (), gid: int = STRANGER) -> str:
    """The HTTP status that another user's request gets."""
    command = ["/usr/bin/python3", "-I", "-c", ASK, served.path, request]
    asked = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
        cwd="/",
        user=STRANGER,
        group=gid,
        extra_groups=list(groups),
    )
    return asked.stdout.strip()


@contextmanager
def open_to_all(limits: Limits = DEFAULT_LIMITS) -> Iterator[Served]:
    """A server whose socket anybody may open, with an act group."""
    folder = Path(tempfile.mkdtemp(prefix="wan-healthd-peers-"))
    try:
        folder.chmod(0o755)
        with serving(folder, act_gids=frozenset({ACT_GROUP}), limits=limits) as served:
            os.chmod(served.path, 0o666)
            yield served
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def open_served() -> Iterator[Served]:
    with open_to_all() as served:
        yield served


def test_a_stranger_reads_but_does_not_act(open_served: Served) -> None:
    assert status_for(open_served, "GET /v1/status") == "200"
    assert status_for(open_served, CHECK) == "403"
    assert open_served.facade.jobs == []
    [(level, event, facts)] = open_served.log.lines
    assert (level, event, facts["uid"]) == ("warning", "act-refused", STRANGER)
    assert facts["pid"]


@pytest.mark.parametrize(
    ("gid", "groups"), [(ACT_GROUP, []), (STRANGER, [ACT_GROUP]), (STRANGER, [*range(70000, 70200), ACT_GROUP])]
)
def test_members_of_the_act_group_act(open_served: Served, gid: int, groups: list[int]) -> None:
    assert status_for(open_served, CHECK, gid=gid, groups=groups) == "202"
    [(level, event, facts)] = open_served.log.lines
    assert (level, event, facts["uid"]) == ("info", "act", STRANGER)


def test_more_groups_than_one_call_can_tell_are_looked_up_by_name(open_served: Served) -> None:
    """A user who is in no table has no listed groups: refused, not a crash."""
    assert status_for(open_served, CHECK, groups=[*range(70000, 70400), ACT_GROUP]) == "403"


def test_one_user_cannot_take_all_connections() -> None:
    with (
        open_to_all(Limits(connections_of_user=2)) as served,
        subprocess.Popen(
            ["/usr/bin/python3", "-I", "-c", HOARD, served.path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd="/",
            user=STRANGER,
            group=STRANGER,
            extra_groups=[],
        ) as hoarder,
    ):
        assert hoarder.stdout is not None
        assert hoarder.stdout.readline() == "503\n"
        assert served.exchange(b"GET /healthz HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.0 200 ")
        hoarder.communicate(timeout=10)


def test_the_default_mode_keeps_strangers_out(served: Served) -> None:
    assert stat.S_IMODE(os.stat(served.path).st_mode) == 0o660


def test_root_and_the_daemons_own_user_act() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX)
    with ours, theirs:
        caller = caller_of(ours, frozenset(), own_uid=12345)
        assert (caller.uid, caller.pid, caller.role) == (0, os.getpid(), CallerRole.ACTOR)
