"""Completions in a real bash: candidates for many lines at once, and a TAB pressed at a terminal."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.facade import DAMAGED, SOUND
from tests.fakes.serving import Served
from tests.unit.cli.healthctl import Healthctl
from tests.unit.cli.test_process import CHECKOUT, RUN
from wan_healthd.cli.commands import COMMANDS
from wan_healthd.cli.completion import SHELLS

EVIL = "we ird $(touch pwned) `touch pwned` 'x'"
QUOTED = r"we\ ird\ \$\(touch\ pwned\)\ \`touch\ pwned\`\ \'x\'"
ASK = r"""
source completion.bash
while IFS= read -r line; do
  COMP_WORDS=($line); [[ "$line" == *' ' ]] && COMP_WORDS+=('')
  COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); COMPREPLY=()
  _shtab_healthctl 2>/dev/null
  printf '%s|' "${COMPREPLY[@]}"; echo
done
"""


@pytest.fixture
def home(served: Served, healthctl: Healthctl, tmp_path: Path) -> Path:
    """A folder with the script and a `healthctl` that asks our server, which knows a model of an evil name."""
    served.facade.files = {**served.facade.files, EVIL: served.facade.files[SOUND]}
    home = tmp_path / "home"
    home.mkdir()
    (home / "completion.bash").write_text(healthctl("completion", "bash").out, encoding="utf-8")
    program = home / "healthctl"
    program.write_text(
        f"#!/bin/sh\nWAN_HEALTHD_SOCKET={served.path} PYTHONPATH={CHECKOUT} exec {sys.executable} -c '{RUN}' \"$@\"\n"
    )
    program.chmod(0o755)
    return home


def environment(home: Path) -> dict[str, str]:
    return {"PATH": f"{home}:/usr/bin:/bin", "LC_ALL": "C.UTF-8", "HOME": str(home), "TERM": "dumb", "PS1": "$ "}


def test_bash_completes(home: Path) -> None:
    expected = {
        "healthctl ": [command.name for command in COMMANDS],
        "healthctl ch": ["check"],
        "healthctl --json rel": ["reload"],
        "healthctl check wan": [SOUND],
        "healthctl gate Wan-": [DAMAGED],
        "healthctl status we": [QUOTED],
        "healthctl check " + SOUND + " Wan": [DAMAGED],
        "healthctl models forget fr": ["fresh"],
        "healthctl sweep ": ["status", "start", "pause", "resume"],
        "healthctl sweep start --f": ["--full"],
        "healthctl log-level ": ["debug", "info", "warning", "error"],
        "healthctl completion ": list(SHELLS),
        "healthctl trust fresh comp": ["completion.bash"],
    }
    said = subprocess.run(
        ["/bin/bash", "--norc", "-c", ASK],
        input="".join(f"{line}\n" for line in expected),
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
        cwd=home,
        env=environment(home),
    )
    found = [line.rstrip("|").split("|") for line in said.stdout.splitlines()]
    assert dict(zip(expected, found, strict=True)) == expected
    assert said.stderr == ""
    assert not (home / "pwned").exists()


def test_a_tab_at_a_terminal(home: Path) -> None:
    ours, theirs = pty.openpty()
    shell = subprocess.Popen(
        ["/bin/bash", "--norc", "-i"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=home,
        env=environment(home),
        start_new_session=True,
    )
    os.close(theirs)
    try:
        os.write(ours, b"source completion.bash; bind 'set bell-style none'\n")
        os.write(ours, b"healthctl gate wan\t\n")
        shown = "".join(until(ours, "every file is as it should be"))
        assert f"healthctl gate {SOUND}" in shown
        os.write(ours, b"exit\n")
        "".join(until(ours, "\0"))
        assert shell.wait(10) == 0
    finally:
        shell.kill()
        shell.wait(10)
        os.close(ours)


def until(descriptor: int, wanted: str) -> Iterator[str]:
    """What a terminal shows, until it shows that or hangs up."""
    deadline, shown = time.monotonic() + 10, ""
    while wanted not in shown and time.monotonic() < deadline:
        try:
            more = os.read(descriptor, 4096).decode("utf-8", "replace")
        except OSError:  # EIO: hung up
            return
        shown += more
        yield more


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_has_a_script(healthctl: Healthctl, shell: str) -> None:
    said = healthctl("completion", shell)
    assert (said.status, said.err) == (0, "")
    assert all(command.name in said.out for command in COMMANDS)
    assert "healthctl models list --ids" in said.out


def test_no_daemon_is_needed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert Healthctl(str(tmp_path / "nothing"), capsys)("completion", "bash").status == 0
