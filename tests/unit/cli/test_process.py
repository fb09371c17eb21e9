"""`healthctl` as a process of its own: what it loads, terminals, pipes, signals."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.fakes.facade import DAMAGED, SOUND
from tests.fakes.serving import Served
from wan_healthd.domain.events import EventKind

CHECKOUT = Path(__file__).parents[3]
RUN = "import sys; from wan_healthd.cli.main import main; sys.exit(main())"
HEAVY = {
    "asyncio",
    "aiohttp",
    "sqlite3",
    "watchdog",
    "structlog",
    "msgspec",
    "http",
    "ssl",
    "shtab",
    "shutil",
    "subprocess",
    "threading",
}


def environment(**extra: str) -> dict[str, str]:
    return {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(CHECKOUT), "LC_ALL": "C.UTF-8", **extra}


def command(served: Served, *words: str) -> list[str]:
    return [sys.executable, "-c", RUN, "--socket", served.path, *words]


def run(served: Served, *words: str, **extra: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(served, *words),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        env=environment(**extra),
        stdin=subprocess.DEVNULL,
    )


def on_terminal(
    arguments: Sequence[str], *, types: bytes = b"", awaits: bytes = b"", lines: int = 24, **extra: str
) -> tuple[int, str]:
    """Exit status and everything that a command shows on a terminal of its own; `types` is typed once it shows `awaits`."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (lines, 80))
    try:
        process = subprocess.Popen(
            ["/usr/bin/setsid", "--ctty", *arguments],  # it is their controlling terminal, so that ^C is a signal
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=environment(TERM="xterm", **extra),
        )
        os.close(theirs)
        shown = bytearray()
        try:
            while True:
                if types and awaits in shown:
                    os.write(ours, types)
                    types = b""
                assert select.select([ours], [], [], 20)[0], f"it says no more than {shown!r}"
                shown += os.read(ours, 65536)
        except OSError:  # EIO: the last one hung up
            pass
        return process.wait(20), shown.decode()
    finally:
        os.close(ours)


def test_status_loads_nothing_heavy(served: Served) -> None:
    probe = "import sys; from wan_healthd.cli.main import main; main(); print(*sys.modules, file=sys.stderr)"
    said = subprocess.run(
        [sys.executable, "-c", probe, "--socket", served.path, "status"],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
        env=environment(),
    )
    loaded = {name.partition(".")[0] for name in said.stderr.split()}
    assert "high: " in said.stdout
    assert not loaded & HEAVY
    assert not {name for name in said.stderr.split() if name.startswith(("wan_healthd.wire", "wan_healthd.api"))}


def test_a_pipe_that_closes_is_no_error(served: Served) -> None:
    with subprocess.Popen(
        command(served, "files", DAMAGED), stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(20) == 141


def test_a_full_disk_is_an_error(served: Served) -> None:
    with open("/dev/full", "w") as full:
        said = subprocess.run(
            command(served, "status"),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=30,
            check=False,
            env=environment(),
        )
    assert (said.returncode, said.stderr) == (6, "healthctl: cannot write the output: No space left on device\n")


def test_a_closed_output_is_no_error(served: Served) -> None:
    shell = ["/bin/sh", "-c", 'exec "$@" >&-', "sh", *command(served, "status", SOUND)]
    said = subprocess.run(shell, stderr=subprocess.PIPE, text=True, timeout=30, check=False, env=environment())
    assert (said.returncode, said.stderr) == (0, "")


@pytest.mark.parametrize("words", [["events", "--follow"], ["status", "--watch"], ["check", SOUND]])
def test_an_interrupt_is_130(served: Served, words: list[str]) -> None:
    served.facade.hold = True
    with subprocess.Popen(
        command(served, *words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment()
    ) as process:
        if words[0] == "check":
            deadline = time.monotonic() + 10
            while not served.facade.jobs and time.monotonic() < deadline:
                time.sleep(0.02)
            time.sleep(0.2)
        else:
            assert process.stdout is not None
            process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert ("the daemon goes on" in err) == (words[0] == "check")


def test_following_tells_events_as_they_come(served: Served) -> None:
    with subprocess.Popen(
        command(served, "events", "--follow", "--since", "7", "--json"), stdout=subprocess.PIPE, text=True, env=environment()
    ) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["seq"] == 8
        served.call_soon(lambda: served.facade.tell(EventKind.FINDING_CLEARED, DAMAGED))
        assert json.loads(process.stdout.readline())["seq"] == 9
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130


def test_colour_only_on_a_terminal_and_never_with_no_color(served: Served) -> None:
    assert "\x1b" not in run(served, "status").stdout
    arguments = command(served, "status")
    assert "\x1b[31mcorrupted\x1b[0m" in on_terminal(arguments)[1]
    for plain in (
        on_terminal(arguments, NO_COLOR="1"),
        on_terminal([*arguments, "--no-color"]),
        on_terminal(arguments, COLUMNS="40"),
    ):
        assert plain[0] == 1
    assert "\x1b" not in on_terminal(arguments, NO_COLOR="1")[1]
    assert "\x1b" not in on_terminal([*arguments, "--no-color"])[1]
    assert "\x1b" not in on_terminal([*arguments, "--json"])[1]


def test_the_progress_bar_is_for_terminals(served: Served) -> None:
    status, shown = on_terminal(command(served, "check", SOUND))
    assert status == 0
    assert f"{SOUND}: [......" in shown
    assert "[...." not in run(served, "check", SOUND).stderr


def test_an_interrupted_question_ends_its_line(served: Served) -> None:
    ended, shown = on_terminal(command(served, "trust", DAMAGED), types=b"\x03", awaits=b"[y/N]")
    assert ended == 130
    assert shown.endswith("^C\r\n")
    assert served.facade.trusted == []


def test_a_live_picture_gives_the_terminal_back(served: Served) -> None:
    ended, shown = on_terminal(command(served, "top"), types=b"\x03", awaits=b"fresh:")
    assert ended == 130
    assert shown.startswith("\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[H\x1b[K\x1b[31mcorrupted\x1b[0m, score 0.68")
    assert shown.endswith("\x1b[?7h\x1b[?25h\x1b[?1049l")
    assert "\x1b[2J" not in shown


def test_a_live_picture_never_scrolls(served: Served) -> None:
    _, shown = on_terminal(command(served, "top"), types=b"\x03", awaits=b" more lines", lines=10)
    picture = shown.partition("\x1b[H")[2].partition("\x1b[?7h")[0]
    assert picture.count("\r\n") == 9
    assert "... 12 more lines" in picture
    assert "\x1b[J" not in picture


def test_a_live_picture_waits_for_a_daemon_that_is_away(tmp_path: Path) -> None:
    words = [sys.executable, "-c", RUN, "--socket", str(tmp_path / "nothing"), "status", "--watch"]
    ended, shown = on_terminal(words, types=b"\x03", awaits=b"-> start it with")
    assert ended == 130
    assert "cannot reach wan-healthd: there is no socket at" in shown


def test_top_into_a_pipe_is_text(served: Served) -> None:
    with subprocess.Popen(command(served, "top"), stdout=subprocess.PIPE, env=environment()) as process:
        assert process.stdout is not None
        shown = b""
        while b"fresh:" not in shown:
            shown += process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
    assert b"\x1b" not in shown


@pytest.mark.parametrize(("answer", "status", "times"), [(b"y\n", 0, 1), (b"n\n", 6, 0), (b"\n", 6, 0), (b"\x04", 6, 0)])
def test_trust_asks_on_a_terminal(served: Served, answer: bytes, status: int, times: int) -> None:
    ended, shown = on_terminal(command(served, "trust", DAMAGED), types=answer)
    assert f"Accept the present bytes of 3 files of {DAMAGED} as the new truth? [y/N]" in shown
    assert (ended, len(served.facade.trusted)) == (status, times)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_any_encoding_of_the_output_will_do(served: Served, encoding: str) -> None:
    for words in (["status"], ["status", "--json"]):
        said = subprocess.run(
            command(served, *words), capture_output=True, timeout=30, check=False, env=environment(PYTHONIOENCODING=encoding)
        )
        assert (said.returncode, said.stderr) == (1, b"")
        text = said.stdout.decode(encoding)
        if "--json" in words:
            assert [row["id"] for row in json.loads(text)["models"]] == list(served.facade.files)


def test_the_environment_names_the_socket(served: Served) -> None:
    said = subprocess.run(
        [sys.executable, "-c", RUN, "version"],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        env=environment(WAN_HEALTHD_SOCKET=served.path),
    )
    assert said.returncode == 0
