"""The message catalogue for `journalctl -x`: every alert is explained, and systemd takes it."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from wan_healthd.domain.alerts import ALERT_KINDS, AlertKind
from wan_healthd.host.journal import JOURNAL_FIELDS

CATALOGUE = Path(__file__).parents[2] / "systemd" / "wan-healthd.catalog"
HEADERS = ("Subject", "Defined-By", "Support")


def entries() -> dict[str, str]:
    """Each entry's text by its id."""
    parts = re.split(r"^-- ([0-9a-f]{32})$", CATALOGUE.read_text(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_every_alert_is_explained_and_nothing_else() -> None:
    assert sorted(entries()) == sorted(kind.message_id for kind in ALERT_KINDS)


@pytest.mark.parametrize("kind", ALERT_KINDS, ids=lambda kind: kind.name)
def test_an_explanation_says_what_happened_and_what_to_do(kind: AlertKind) -> None:
    head, _, body = entries()[kind.message_id].strip().partition("\n\n")
    assert tuple(line.partition(": ")[0] for line in head.splitlines()) == HEADERS
    assert "What to do: " in body or "Nothing needs to be done" in body or "systemctl start" in body
    assert re.search(r"`[a-z-]+ ?[^`]*`", body), "it names a command"
    assert set(re.findall(r"@([A-Z_]+)@", head + body)) <= JOURNAL_FIELDS
    assert max(map(len, body.splitlines())) <= 132


def test_systemd_takes_it(tmp_path: Path) -> None:
    journalctl = shutil.which("journalctl")
    if journalctl is None:
        pytest.skip("journalctl is not installed: packaging/check --system installs it")
    folder = tmp_path / "usr/lib/systemd/catalog"
    folder.mkdir(parents=True)
    shutil.copy(CATALOGUE, folder)
    (tmp_path / "var/lib/systemd/catalog").mkdir(parents=True)
    made = subprocess.run(
        [journalctl, f"--root={tmp_path}", "--update-catalog"], capture_output=True, text=True, timeout=30, check=False
    )
    assert (made.returncode, made.stderr) == (0, "")
    ids = [kind.message_id for kind in ALERT_KINDS]
    shown = subprocess.run(
        [journalctl, f"--root={tmp_path}", "--dump-catalog", *ids], capture_output=True, text=True, timeout=30, check=False
    )
    assert shown.returncode == 0, shown.stderr
    assert [line[3:] for line in shown.stdout.splitlines() if line.startswith("-- ")] == ids
