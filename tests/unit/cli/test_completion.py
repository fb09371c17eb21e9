"""Completions in real shells: candidates for many lines at once, and a TAB pressed at a terminal."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes.facade import DAMAGED, SOUND
from tests.fakes.serving import Served
from tests.support.programs import needs
from tests.unit.cli.healthctl import Healthctl
from tests.unit.cli.shells import at_terminal
from tests.unit.cli.test_process import CHECKOUT, RUN
from wan_healthd.cli.commands import COMMANDS
from wan_healthd.daemon.main import main as wan_healthd
from wan_healthd.usage.completion import SHELLS

EVIL = "we ird $(touch pwned) `touch pwned` 'x'"
QUOTED = r"we\ ird\ \$\(touch\ pwned\)\ \`touch\ pwned\`\ \'x\'"
ASK_BASH = r"""
source completion.bash
while IFS= read -r line; do
  COMP_WORDS=($line); [[ "$line" == *' ' ]] && COMP_WORDS+=('')
  COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); COMPREPLY=()
  _shtab_PROGRAM 2>/dev/null
  printf '%s|' "${COMPREPLY[@]}"; echo
done
"""
ASK_FISH = """
source completion.fish
while read --line line
  echo (complete --do-complete $line | string split --fields 1 \\t | string join '|')
end
"""
SOURCED = {
    "bash": (["bash", "--norc", "-i"], "source completion.bash; bind 'set bell-style none'"),
    "zsh": (["zsh", "-f", "-i"], "fpath=($PWD $fpath); autoload -Uz compinit; compinit -u -D"),
    "tcsh": (["tcsh", "-f"], "source completion.tcsh; set edit nobeep"),
}


@pytest.fixture
def home(served: Served, healthctl: Healthctl, tmp_path: Path) -> Path:
    """A folder with the scripts and a `healthctl` that asks our server, which knows a model of an evil name."""
    served.facade.files = {**served.facade.files, EVIL: served.facade.files[SOUND]}
    home = tmp_path / "home"
    home.mkdir()
    for shell in SHELLS:
        (home / f"completion.{shell}").write_text(healthctl("completion", shell).out, encoding="utf-8")
    (home / "completion.zsh").rename(home / "_healthctl")
    program = home / "healthctl"
    program.write_text(
        f"#!/bin/sh\nWAN_HEALTHD_SOCKET={served.path} PYTHONPATH={CHECKOUT} exec {sys.executable} -c '{RUN}' \"$@\"\n"
    )
    program.chmod(0o755)
    return home


def environment(home: Path) -> dict[str, str]:
    return {
        "PATH": f"{home}:/usr/bin:/bin",
        "LC_ALL": "C.UTF-8",
        "HOME": str(home),
        "TERM": "xterm",
        "NO_COLOR": "1",
        "PS1": "$ ",
    }


def candidates(shell: list[str], program: str, lines: list[str], home: Path) -> dict[str, list[str]]:
    """What the shell offers for each of the lines."""
    said = subprocess.run(
        [*shell, "-c", (ASK_FISH if "fish" in shell else ASK_BASH).replace("PROGRAM", program.replace("-", "_"))],
        input="".join(f"{line}\n" for line in lines),
        capture_output=True,
        text=True,
        timeout=50,
        check=True,
        cwd=home,
        env=environment(home),
    )
    assert said.stderr == ""
    return dict(zip(lines, [line.rstrip("|").split("|") for line in said.stdout.splitlines()], strict=True))


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
        "healthctl trust fresh comp": ["completion.bash", "completion.fish", "completion.tcsh"],
    }
    found = candidates(["/bin/bash", "--norc"], "healthctl", list(expected), home)
    assert {line: sorted(offered) for line, offered in found.items()} == {
        line: sorted(offered) for line, offered in expected.items()
    }
    assert not (home / "pwned").exists()


def test_fish_completes(home: Path) -> None:
    needs("fish")
    expected = {
        "healthctl ch": ["check"],
        "healthctl check wan2": [SOUND],
        "healthctl gate Wan-": [DAMAGED],
        "healthctl status we": [EVIL],  # fish itself quotes what it inserts
        "healthctl sweep st": ["start", "status"],
        "healthctl sweep start --f": ["--full"],
        "healthctl log-level w": ["warning"],
    }
    assert candidates(["fish", "--no-config"], "healthctl", list(expected), home) == expected
    assert not (home / "pwned").exists()


def test_bash_completes_the_daemon_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert wan_healthd(["completion", "bash"]) == 0
    (tmp_path / "completion.bash").write_text(capsys.readouterr().out, encoding="utf-8")
    (tmp_path / "models").mkdir()
    expected = {
        "wan-healthd s": ["scan"],
        "wan-healthd --check": ["--check-config"],
        "wan-healthd --log-level w": ["warning"],
        "wan-healthd scan mod": ["models"],
    }
    assert candidates(["/bin/bash", "--norc"], "wan-healthd", list(expected), tmp_path) == expected


@pytest.mark.parametrize("shell", SOURCED)
def test_a_tab_at_a_terminal(home: Path, shell: str) -> None:
    command, begin = SOURCED[shell]
    needs(shell)
    with at_terminal(command, home, environment(home)) as typist:
        typist.types(f"{begin}; echo re''ady\n")
        typist.sees("ready")
        typist.types("healthctl ga\twan\t\n")
        typist.sees(f"{SOUND}: go")
        typist.types("healthctl gate we\t\n")
        typist.sees("cannot find the model we" if shell == "tcsh" else f"{EVIL}: go")  # tcsh parts candidates at blanks
    assert not (home / "pwned").exists()


@pytest.mark.parametrize("shell", SOURCED)
def test_a_tab_without_a_daemon_is_silent(home: Path, shell: str) -> None:
    command, begin = SOURCED[shell]
    needs(shell)
    (home / "healthctl").write_text((home / "healthctl").read_text().replace("SOCKET=", "SOCKET=/nowhere"))
    with at_terminal(command, home, environment(home)) as typist:
        typist.types(f"{begin}; echo re''ady\n")
        typist.sees("ready")
        typist.types("healthctl gate wan\t\x01echo end\n")  # ^A goes to the beginning of the line
        assert "cannot" not in typist.sees("endhealthctl gate wan")


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_takes_the_script(home: Path, shell: str) -> None:
    needs(shell)
    script = home / ("_healthctl" if shell == "zsh" else f"completion.{shell}")
    said = subprocess.run([shell, "-n", script], capture_output=True, text=True, timeout=30, check=False)
    assert (said.returncode, said.stdout, said.stderr) == (0, "", "")
    text = script.read_text(encoding="utf-8")
    assert all(command.name in text for command in COMMANDS)
    assert "healthctl models list --ids" in text
    assert "Exit status" not in text  # a line for each command, not its whole description


def test_no_daemon_is_needed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert Healthctl(str(tmp_path / "nothing"), capsys)("completion", "bash").status == 0
