from __future__ import annotations

from pathlib import Path

import pytest

from wan_healthd.client.discovery import SYSTEM_SOCKET, Place, is_private, places, user_place


def test_what_is_stated_is_the_only_place() -> None:
    environ = {"WAN_HEALTHD_SOCKET": "/from/environment", "XDG_RUNTIME_DIR": "/run/user/1"}
    assert places("/stated", environ, 1) == (Place("/stated"),)
    assert places("", environ, 1) == (Place(""),)
    assert places(None, environ, 1) == (Place("/from/environment"),)


@pytest.mark.parametrize(
    ("environ", "place"),
    [
        ({"XDG_RUNTIME_DIR": "/run/user/7"}, Place("/run/user/7/wan-healthd/control.sock")),
        ({"XDG_RUNTIME_DIR": "relative"}, Place("/tmp/wan-healthd-7/control.sock", private=True)),
        ({}, Place("/tmp/wan-healthd-7/control.sock", private=True)),
        ({"TMPDIR": "/var/tmp", "XDG_RUNTIME_DIR": ""}, Place("/var/tmp/wan-healthd-7/control.sock", private=True)),
    ],
)
def test_the_usual_places_in_order(environ: dict[str, str], place: Place) -> None:
    assert user_place(environ, 7) == place
    assert places(None, environ, 7) == (Place(SYSTEM_SOCKET), place)


def test_private_means_ours_alone(tmp_path: Path) -> None:
    uid = tmp_path.stat().st_uid
    folder = tmp_path / "folder"
    folder.mkdir(mode=0o700)
    link = tmp_path / "link"
    link.symlink_to(folder)
    assert is_private(str(folder), uid)
    assert not is_private(str(folder), uid + 1)
    assert not is_private(str(link), uid)
    folder.chmod(0o710)
    assert not is_private(str(folder), uid)
    with pytest.raises(FileNotFoundError):
        is_private(str(tmp_path / "absent"), uid)
