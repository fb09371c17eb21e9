"""Scenarios in a process of their own: what may leave threads and children behind by design must go when its process does."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from tests.support.checkout import environment

LIMIT_S = 50.0
PROMPT_S = 5.0
"""Nothing needs closing: an interpreter whose work is done must end by itself within this time."""


class ScenarioFailed(AssertionError):
    """The scenario raised, or its process did not end as it should."""


def in_own_process(scenario: Callable[..., object], *arguments: str | Path) -> Any:
    """Run a module-level function, plain or async, in a fresh interpreter; returns what it returns, as plain JSON values.

    The scenario's process works in the folder that is its first argument, and must end promptly once it has returned.
    """
    command = [sys.executable, "-m", __name__, scenario.__module__, scenario.__name__, *map(str, arguments)]
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
        cwd=arguments[0],
        env=environment(),
    )
    ended_at = time.monotonic()
    if done.returncode or done.stderr:
        raise ScenarioFailed(f"{scenario.__name__} ended with status {done.returncode}:\n{done.stderr}")
    said = json.loads(done.stdout.splitlines()[-1])
    lingered_s = ended_at - said["at"]
    if lingered_s > PROMPT_S:
        raise ScenarioFailed(f"{scenario.__name__} was done, but its process went on for {lingered_s:.1f} s")
    return said["result"]


def main(module: str, name: str, *arguments: str) -> None:
    scenario = getattr(importlib.import_module(module), name)
    result = scenario(*map(Path, arguments))
    if inspect.iscoroutine(result):
        result = asyncio.run(result)
    said = {"result": msgspec.to_builtins(result), "at": time.monotonic()}
    print(msgspec.json.encode(said).decode(), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
