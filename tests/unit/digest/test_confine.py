"""What the worker can still do once it has confined itself: a real process that tries."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.support.unprivileged import Unprivileged
from wan_healthd.digest.engine import WorkerEngine
from wan_healthd.digest.process import worker_environment
from wan_healthd.domain.confinement import Confinement
from wan_healthd.domain.errors import WorkerRefused

PRISONER = Path(__file__).with_name("prisoner.py")
LAYERS = ["no-new-privileges", "no-capabilities", "landlock", "system-calls"]
MOST_S = 0.005
CHANGES = ("write", "make a file", "make one without a name", "rename", "remove", "make a folder", "run a program")
"""Some of what Landlock denies by itself; it leaves modes, owners, times and sockets alone."""


def told(output: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(output.splitlines()[-1])
    return document


def try_it(how: str, folder: Path, through: Sequence[str] = ()) -> dict[str, Any]:
    (folder / "file").write_bytes(b"x" * 4096)
    command = [*through, sys.executable, "-P", str(PRISONER), how, str(folder)]
    outcome = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False, env=worker_environment())
    if "Function not implemented" in outcome.stderr or "Operation not supported" in outcome.stderr:
        pytest.skip(f"this kernel does without: {outcome.stderr.splitlines()[-1]}")
    assert outcome.returncode == 0, outcome.stderr
    assert [path.name for path in folder.iterdir()] == ["file"]
    return told(outcome.stdout)


def refused(document: dict[str, Any]) -> set[str]:
    return set(document["forbidden"].values())


def works(document: dict[str, Any]) -> set[str]:
    return set(document["needed"].values())


def test_it_can_read_and_nothing_else(tmp_path: Path) -> None:
    document = try_it("all", tmp_path)
    assert [layer[:2] for layer in document["layers"]] == [[name, True] for name in LAYERS], document["layers"]
    assert refused(document) == {"EPERM"}, document["forbidden"]
    assert works(document) == {"done"}, document["needed"]


@pytest.mark.unprivileged
def test_it_takes_no_rights_to_give_them_up(unprivileged: Unprivileged) -> None:
    file = unprivileged.folder / "file"
    file.write_bytes(b"x" * 4096)
    unprivileged.give(file)
    outcome = unprivileged.run([unprivileged.python, "-c", PRISONER.read_text(), "all", unprivileged.folder])
    assert outcome.returncode == 0, outcome.stderr
    document = told(outcome.stdout)
    assert {layer[1] for layer in document["layers"]} == {True}, document["layers"]
    assert (refused(document), works(document)) == ({"EPERM"}, {"done"}), document


def test_the_filter_holds_alone(tmp_path: Path) -> None:
    document = try_it("system-calls", tmp_path)
    assert (refused(document), works(document)) == ({"EPERM"}, {"done"}), document


def test_landlock_holds_alone(tmp_path: Path) -> None:
    document = try_it("landlock", tmp_path)
    assert {document["forbidden"][change] for change in CHANGES} == {"EACCES"}, document["forbidden"]
    assert works(document) == {"done"}, document["needed"]


@pytest.mark.parametrize(
    ("call", "error", "layer", "detail"),
    [
        ("landlock_create_ruleset", "ENOSYS", "landlock", "not in force: Function not implemented (ENOSYS)"),
        ("landlock_restrict_self", "EPERM", "landlock", "not in force: Operation not permitted (EPERM)"),
        ("capset", "EPERM", "no-capabilities", "not in force: Operation not permitted (EPERM)"),
    ],
)
def test_what_the_system_refuses_is_said_and_the_rest_holds(
    tmp_path: Path, call: str, error: str, layer: str, detail: str
) -> None:
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed: packaging/check --system installs it")
    strace = ["strace", "--quiet=all", "--output=/dev/null", f"--trace={call}", f"--inject={call}:error={error}"]
    document = try_it("all", tmp_path, strace)
    assert [said for said in document["layers"] if not said[1]] == [[layer, False, detail]]
    assert refused(document) == {"EPERM"}, document["forbidden"]


def test_the_engine_knows_how_its_worker_is_confined() -> None:
    async def told() -> list[Confinement | None]:
        engine = WorkerEngine(on_lost=pytest.fail)
        try:
            before = engine.confinement
            with suppress(WorkerRefused):  # that is an answer, too
                await engine.locate("safetensors", b"", ())
            return [before, engine.confinement]
        finally:
            await engine.close()

    before, after = asyncio.run(told())
    assert before is None
    assert after is not None
    assert [layer.name for layer in after.layers] == LAYERS
    assert after.lacking == ()


def test_it_costs_next_to_nothing() -> None:
    """In processor time, which a busy machine does not lengthen much; it is a tenth of what is allowed."""
    program = "import time; from wan_healthd.digest.confine import confine; b = time.process_time(); confine();"
    program += "print(time.process_time() - b)"
    command = [sys.executable, "-c", program]
    spent_s: list[float] = []
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and not (spent_s and min(spent_s) < MOST_S):
        spent_s.append(float(subprocess.run(command, capture_output=True, check=True, env=worker_environment()).stdout))
    assert min(spent_s) < MOST_S


def test_the_worker_is_not_told_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "CREDENTIALS_DIRECTORY", "NOTIFY_SOCKET"):
        monkeypatch.setenv(name, "secret")
    assert "secret" not in worker_environment().values()
