"""What a client tells of itself: reachable, permitted, of the same version."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from wan_healthd.client.diagnose import diagnose as diagnose_connect
from wan_healthd.client.discovery import Place
from wan_healthd.client.errors import ClientError
from wan_healthd.client.surroundings import Sight, Told, diagnose, look
from wan_healthd.domain.doctor import Diagnosis, Standing
from wan_healthd.version import __version__

MEMBER = Sight("max", 1000, "/run/x.sock", "wan-health", is_member=True, is_enrolled=True, is_service=True)
STRANGER = MEMBER._replace(is_member=False, is_enrolled=False)
TOO_EARLY = MEMBER._replace(is_member=False)


def refused(number: int) -> ClientError:
    return diagnose_connect("/run/x.sock", OSError(number, os.strerror(number)))


@pytest.mark.parametrize(
    ("sight", "failure", "told"),
    [
        (MEMBER, None, [("socket", "ok", "answers"), ("you", "ok", "you are max, in the group wan-health")]),
        (MEMBER, errno.ECONNREFUSED, [("socket", "problem", "systemctl status wan-healthd"), ("you", "ok", "")]),
        (MEMBER._replace(is_service=False), errno.ECONNREFUSED, [("socket", "problem", "--config FILE"), ("you", "ok", "")]),
        (STRANGER, errno.EACCES, [("socket", "problem", "cannot open"), ("you", "warning", "usermod -aG wan-health max")]),
        (TOO_EARLY, errno.EACCES, [("socket", "problem", "newgrp wan-health"), ("you", "warning", "log in again")]),
        (MEMBER._replace(uid=0, user="root"), None, [("socket", "ok", ""), ("you", "ok", "may do everything")]),
        (
            MEMBER._replace(socket=None, group=None),
            errno.ENOENT,
            [("socket", "problem", "journalctl -u wan-healthd"), ("you", "ok", "you are max")],
        ),
    ],
)
def test_who_may_ask(sight: Sight, failure: int | None, told: list[tuple[str, str, str]]) -> None:
    found = diagnose(sight, None if failure is None else refused(failure), None)
    assert [(item.check, item.verdict) for item in found] == [(check, verdict) for check, verdict, _ in told]
    for item, (_, _, words) in zip(found, told, strict=True):
        assert words in f"{item.found} -> {item.cure}"
        assert bool(item.cure) == (item.verdict in ("warning", "problem"))


def test_versions_are_compared() -> None:
    assert diagnose(MEMBER, None, __version__)[-1].verdict == "ok"
    other = diagnose(MEMBER, None, "9.9")[-1]
    assert (other.check, other.verdict) == ("version", "warning")
    assert "9.9" in other.found


def test_its_words_are_those_of_the_daemon() -> None:
    assert Told._fields == tuple(sorted(Diagnosis.__struct_fields__, key=Told._fields.index))
    assert {"ok", "warning", "problem", "not_applicable"} == set(Standing)


def test_a_look_around(tmp_path: Path) -> None:
    nowhere = look([Place(str(tmp_path / "no.sock"))])
    assert (nowhere.socket, nowhere.group, nowhere.uid) == (None, None, os.geteuid())
