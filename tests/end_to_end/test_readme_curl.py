"""The README's curl examples, run as they stand against a daemon."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.fakes.safetensors_files import sample
from tests.support.checkout import environment
from tests.support.daemons import Home
from tests.support.unprivileged import CHECKOUT

MODEL = "Wan-AI/Wan2.2-TI2V-5B"


def examples() -> list[str]:
    """Lines of the block that says where the socket is, its first line before each."""
    [block] = re.findall(r"```sh\n(socket=.*?)```", (CHECKOUT / "README.md").read_text(), re.DOTALL)
    setting, *commands = block.splitlines()
    return [f"{setting}\n{command}" for command in commands]


def ask(example: str, socket: Path) -> dict[str, object]:
    done = subprocess.run(
        ["bash", "-euc", example],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
        env={**environment(), "WAN_HEALTHD_SOCKET": str(socket)},
    )
    assert done.returncode == 0, (example, done.stderr)
    answer: dict[str, object] = json.loads(done.stdout)
    return answer


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_each_answers_as_it_stands(home: Home) -> None:
    folder = home.models / MODEL
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(sample(1, 100_000, 4))
    (folder / "config.json").write_text('{"model_type": "ti2v"}')
    home.configure([home.models], f'[[models]]\nid = "{MODEL}"\npath = "{folder}"\n')
    with home.running() as daemon:
        daemon.control.await_status(MODEL, "healthy")
        answers = [ask(example, home.socket) for example in examples()]
    assert len(answers) >= 8
    assert [answer for answer in answers if "error" in answer] == []
    assert answers[1]["gate"] == {
        "model_id": MODEL,
        "go": True,
        "code": "healthy",
        "reason": "every file is as it should be",
        "status": "healthy",
        "findings": [],
    }
