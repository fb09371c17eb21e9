"""Every word that every command says, on a narrow and on a wide terminal.

`UPDATE_GOLDEN=1 pytest tests/unit/cli/test_golden.py` writes them anew; read the difference before you keep it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.fakes.facade import DAMAGED, NOW, SOUND, UNREAD, job_failure, root_unreachable
from tests.fakes.serving import Served
from tests.unit.cli.crowded import GONE, LONG, crowd
from tests.unit.cli.healthctl import Healthctl, Said
from wan_healthd.cli.commands import COMMANDS
from wan_healthd.cli.tables import columns
from wan_healthd.domain.generations import announced
from wan_healthd.domain.pauses import Pause

GOLDEN = Path(__file__).parent / "golden"
NOT_TEXT = {"completion", "top"}
"""A script for a shell, and a picture for a terminal: both have tests of their own."""


def as_it_is(_served: Served) -> None:
    pass


def crowded(served: Served) -> None:
    crowd(served.facade)


def with_jobs(served: Served) -> None:
    served.facade.hold = True


def that_fails(served: Served) -> None:
    served.facade.failure = job_failure()


def paused_and_lost(served: Served) -> None:
    served.facade.paused = Pause(NOW, 1000, "")
    served.facade.issues = (root_unreachable(),)


def with_a_bad_config(served: Served) -> None:
    served.facade.config_fault = 'cannot use /etc/wan-healthd/config.toml: line 3: roots[0].path: expected text, found "5"'


def generating(served: Served) -> None:
    night = announced(model_id=DAMAGED, uid=1000, pid=7, note="the night", expected_s=9e3, expires_in_s=None, now=NOW)
    other = announced(model_id=None, uid=0, pid=8, note="", expected_s=None, expires_in_s=90, now=NOW)
    served.facade.generations = [replace(night, id=1), replace(other, id=2)]


def empty(served: Served) -> None:
    served.facade.files, served.facade.alerts = {}, ()


Case = tuple[str, Callable[[Served], None], list[str], int]

CASES: list[Case] = [
    ("status", as_it_is, ["status"], 1),
    ("status-empty", empty, ["status"], 0),
    ("status-crowded", crowded, ["status"], 1),
    ("status-lost-root", paused_and_lost, ["status"], 1),
    ("verdict", as_it_is, ["status", DAMAGED], 1),
    ("verdict-crowded", crowded, ["status", LONG], 1),
    ("verdict-nobody", as_it_is, ["status", "nobody"], 5),
    ("check", as_it_is, ["check", SOUND, "nobody", DAMAGED], 5),
    ("check-begun", as_it_is, ["check", SOUND, UNREAD, "--no-wait"], 0),
    ("check-failed", that_fails, ["check", SOUND], 6),
    ("gate-go", as_it_is, ["gate", SOUND], 0),
    ("gate-no-go", as_it_is, ["gate", DAMAGED], 1),
    ("gate-unread", as_it_is, ["gate", UNREAD], 1),
    ("report", as_it_is, ["report"], 1),
    ("report-damaged", as_it_is, ["report", DAMAGED], 1),
    ("report-sound", as_it_is, ["report", SOUND], 0),
    ("files", as_it_is, ["files", DAMAGED], 1),
    ("files-bad", as_it_is, ["files", DAMAGED, "--bad"], 1),
    ("files-crowded", crowded, ["files", LONG], 1),
    ("events", as_it_is, ["events"], 0),
    ("jobs", with_jobs, ["jobs"], 0),
    ("sweep", as_it_is, ["sweep"], 0),
    ("sweep-paused", crowded, ["sweep"], 0),
    ("sweep-start", as_it_is, ["sweep", "start"], 0),
    ("sweep-waited", as_it_is, ["sweep", "start", "--full", "--wait"], 0),
    ("generation", generating, ["generation"], 0),
    ("generation-none", as_it_is, ["generation", "list"], 0),
    ("generation-start", as_it_is, ["generation", "start", SOUND, "--for", "8h"], 0),
    ("generation-end", generating, ["generation", "end", "2"], 0),
    ("generation-nobody", as_it_is, ["generation", "end", "7"], 5),
    ("alert", as_it_is, ["alert"], 0),
    ("alert-all", as_it_is, ["alert", "list", "--all"], 0),
    ("alert-none", empty, ["alert"], 0),
    ("alert-test", as_it_is, ["alert", "test"], 0),
    ("trust", as_it_is, ["trust", DAMAGED, "--yes"], 0),
    ("trust-no-consent", as_it_is, ["trust", DAMAGED], 2),
    ("trust-stranger", as_it_is, ["trust", DAMAGED, "nothing", "--yes"], 5),
    ("models", as_it_is, ["models"], 0),
    ("models-crowded", crowded, ["models", "list"], 0),
    ("models-ids", as_it_is, ["models", "list", "--ids"], 0),
    ("models-none", empty, ["models"], 0),
    ("models-forget-present", as_it_is, ["models", "forget", DAMAGED], 6),
    ("models-forget-no-consent", crowded, ["models", "forget", GONE], 2),
    ("log-level", as_it_is, ["log-level", "debug"], 0),
    ("reload", as_it_is, ["reload"], 0),
    ("reload-waited", as_it_is, ["reload", "--wait"], 0),
    ("reload-refused", with_a_bad_config, ["reload"], 2),
    ("doctor", as_it_is, ["doctor"], 1),
    ("doctor-verbose", as_it_is, ["doctor", "--verbose", "--network"], 1),
    ("doctor-no-daemon", as_it_is, ["doctor", "--socket", "/nonexistent/control.sock"], 1),
    ("version", as_it_is, ["version"], 0),
    ("help", as_it_is, ["--help"], 0),
    *((f"help-{command.name}", as_it_is, [command.name, "--help"], 0) for command in COMMANDS),
]


@pytest.mark.parametrize("width", [80, 200])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0])
def test_golden(served: Served, healthctl: Healthctl, monkeypatch: pytest.MonkeyPatch, case: Case, width: int) -> None:
    name, prepare, words, status = case
    monkeypatch.setenv("COLUMNS", str(width))
    prepare(served)
    if prepare is with_jobs:
        healthctl("check", DAMAGED, "--no-wait", "--full")
        healthctl("sweep", "start")
    said = healthctl(*words)
    text = told(said)
    golden = GOLDEN / f"{name}-{width}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")
    assert said.status == status
    assert all(line.isprintable() for line in text.splitlines())
    assert [line for line in text.splitlines() if columns(line) > width and could_be_broken(line)] == []


def told(said: Said) -> str:
    """Both streams, without what differs at each run."""
    errors = "".join(f"stderr: {line}\n" for line in said.err.splitlines())
    text = re.sub(r"process \d+", "process 4711", said.out + errors)
    return re.sub(r"\byou: you are .*", "you: you are root, who may do everything", text)


def could_be_broken(line: str) -> bool:
    """Whether a line that is too long need not be: words, such as ids, stay whole, and errors stay on one line, for grep."""
    return not line.startswith("stderr: ") and max(map(len, line.split())) < 60


def test_every_command_has_one() -> None:
    shown = {words[0] for _, _, words, _ in CASES if words[-1] != "--help"}
    assert {command.name for command in COMMANDS} - shown == NOT_TEXT


def test_no_golden_is_left_behind() -> None:
    wanted = {f"{name}-{width}.txt" for name, *_ in CASES for width in (80, 200)}
    assert {path.name for path in GOLDEN.iterdir()} == wanted
