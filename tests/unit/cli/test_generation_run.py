"""`healthctl generation run`: a real command beside the daemon, its signals, its terminal and its exit status."""

from __future__ import annotations

import io
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.fakes.facade import NOW
from tests.fakes.serving import Served
from tests.support.control import until
from tests.unit.cli.test_process import RUN, command, environment, on_terminal
from wan_healthd.cli.accompany import accompany
from wan_healthd.cli.terminal import Terminal
from wan_healthd.client.daemon import Daemon
from wan_healthd.client.discovery import Place

FOR_EVER = "echo ready; while :; do sleep 0.05; done"


def running(served: Served, script: str) -> subprocess.Popen[str]:
    """The script as a child of healthctl's, once it says that it is ready."""
    words = command(served, "generation", "run", "wan", "--", "sh", "-c", script)
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment())
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["sh", "-c", "cat; exit 3"], 3, ""),
        (["sh", "-c", "kill -9 $$"], 137, ""),
        (["sh", "-c", "trap - PIPE; kill -PIPE $$"], 141, ""),
        (["no-such-command"], 127, "cannot run no-such-command: No such file or directory"),
        (["/etc/passwd"], 126, "cannot run /etc/passwd: Permission denied"),
    ],
)
def test_its_end_is_the_commands(served: Served, words: list[str], status: int, said: str) -> None:
    told = subprocess.run(
        command(served, "generation", "run", "wan", "--note", "n", "--", *words),
        input="typed",
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        env=environment(),
    )
    assert (told.returncode, told.stdout) == (status, "typed" if words[-1].startswith("cat") else "")
    assert said in told.stderr
    [generation] = served.facade.generations
    assert (generation.model_id, generation.note) == ("wan", "n")
    assert generation.ended_at is not None


@pytest.mark.parametrize("words", [[], ["wan", "sleep", "1"], ["wan", "--"], ["--for", "1h", "--", "true"]])
def test_what_is_meant_must_be_clear(served: Served, words: list[str]) -> None:
    told = subprocess.run(
        command(served, "generation", "run", *words), capture_output=True, text=True, timeout=30, check=False, env=environment()
    )
    assert (told.returncode, told.stdout, served.facade.generations) == (2, "", [])


def test_it_runs_also_where_nobody_can_be_told(tmp_path: Path) -> None:
    words = ["--socket", str(tmp_path / "nothing"), "generation", "run", "--", "sh", "-c", "echo done; exit 7"]
    told = subprocess.run(
        [sys.executable, "-c", RUN, *words], capture_output=True, text=True, timeout=30, check=False, env=environment()
    )
    assert (told.returncode, told.stdout) == (7, "done\n")
    [line] = told.stderr.splitlines()
    assert line.startswith("healthctl: sweeps may not make way for this: cannot reach wan-healthd: ")


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1])
def test_signals_are_passed_on(served: Served, sent: signal.Signals) -> None:
    with running(served, f'trap "exit 5" {sent.name.removeprefix("SIG")}; {FOR_EVER}') as process:
        assert [(row.note, row.ended_at) for row in served.facade.generations] == [("sh", None)]
        process.send_signal(sent)
        _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (5, "")
    assert [row.ended_at for row in served.facade.generations] == [NOW]


def test_what_is_typed_reaches_the_command_once(served: Served) -> None:
    """It answers Ctrl-C by a signal to healthctl, which passes that on after whatever it does about Ctrl-C."""
    counts = f"n=0; trap 'n=$((n+1)); kill -USR1 $PPID' INT; trap 'exit $n' USR1; {FOR_EVER}"
    words = command(served, "generation", "run", "--", "sh", "-c", counts)
    ended, _ = on_terminal(words, types=b"\x03", awaits=b"ready")
    assert ended == 1
    assert [row.ended_at for row in served.facade.generations] == [NOW]


def test_it_is_announced_as_long_as_it_runs(served: Served, tmp_path: Path) -> None:
    done = tmp_path / "done"
    facade = served.facade

    def watch() -> None:
        try:
            until(lambda: {} if len(served.log.lines) > 2 else None, "it is announced and renewed twice")
            facade.generations[0] = replace(facade.generations[0], ended_at=NOW)
            until(lambda: {} if len(facade.generations) > 1 else None, "it is announced anew")
        finally:
            done.touch()

    watcher = threading.Thread(target=watch)
    watcher.start()
    says = io.StringIO()
    terminal = Terminal(says, says, {}, as_json=False, no_color=True)
    daemon = Daemon([Place(served.path, private=False)], lambda version: None)
    waits = ["sh", "-c", f"while [ ! -e {done} ]; do sleep 0.02; done"]
    assert accompany(waits, "wan", "", daemon, terminal, every_s=0.02) == 0
    watcher.join(20)
    assert [row.ended_at for row in facade.generations] == [NOW, NOW]
    assert says.getvalue() == ""
    assert [facts["target"] for _, _, facts in served.log.lines[:2]] == ["/v1/generations/start", "/v1/generations/1/renew"]
