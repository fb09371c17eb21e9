"""Programs of others that remember what files hold and say later whether they still do, and ours among them.

Each is used as its manual says, from the outside. None is needed by the project; who is not installed is left out.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple, Protocol

from tests.fakes.hub import Hub, Repository, running_in_thread
from tests.support.checkout import environment
from tests.support.hub_client import HubClient

LIMIT_S = 600.0
REPOSITORY = "bench/peers"


class Word(StrEnum):
    """What a checker says of a folder, by its exit status; a warning only stands in what it prints."""

    SILENT = "silent"
    WARNING = "warning"
    ALARM = "alarm"


class Checker(Protocol):
    """Somebody who knows a folder of files."""

    name: str

    def learn(self, folder: Path) -> None:
        """What the files hold now is right."""

    def check(self, folder: Path) -> Word:
        """Whether anything is wrong with any of them, or could not be read."""


class Recipe(NamedTuple):
    """Shell commands; $FOLDER holds the files, $OWN is a folder for whatever is to be remembered."""

    program: str
    learn: str
    check: str


RECIPES = (
    Recipe(
        "sha256sum",
        'cd "$FOLDER" && sha256sum ./*.safetensors >"$OWN/sums"',
        'cd "$FOLDER" && sha256sum --check --quiet "$OWN/sums"',
    ),
    Recipe("b3sum", 'cd "$FOLDER" && b3sum ./*.safetensors >"$OWN/sums"', 'cd "$FOLDER" && b3sum --check --quiet "$OWN/sums"'),
    Recipe(
        "hashdeep",
        'cd "$FOLDER" && hashdeep -c sha256 -l ./*.safetensors >"$OWN/sums"',
        'cd "$FOLDER" && hashdeep -c sha256 -l -a -k "$OWN/sums" ./*.safetensors',
    ),
    Recipe("chkbit", 'chkbit --update --quiet "$FOLDER"', 'chkbit --quiet "$FOLDER"'),
    Recipe("bitrot", 'cd "$FOLDER" && bitrot --quiet', 'cd "$FOLDER" && bitrot --quiet --test'),
    Recipe(
        "aide",
        'printf "database_in=file:%s/db\\ndatabase_out=file:%s/db\\n%s sha256+s\\n" "$OWN" "$OWN" "$FOLDER" >"$OWN/conf"'
        ' && aide --config "$OWN/conf" --init',
        'aide --config "$OWN/conf" --check',
    ),
)


class ByRecipe:
    """A program of others."""

    def __init__(self, recipe: Recipe, own: Path) -> None:
        self.name = recipe.program
        self._recipe = recipe
        self._own = own

    def learn(self, folder: Path) -> None:
        """See `Checker`."""
        done = self._run(self._recipe.learn, folder)
        if done.returncode:
            raise RuntimeError(f"{self.name} cannot learn: {done.stdout}{done.stderr}")

    def check(self, folder: Path) -> Word:
        """See `Checker`."""
        done = self._run(self._recipe.check, folder)
        if done.returncode:
            return Word.ALARM
        said = done.stdout + done.stderr
        return Word.WARNING if any(path.name in said for path in folder.glob("*.safetensors")) else Word.SILENT

    def _run(self, script: str, folder: Path) -> subprocess.CompletedProcess[str]:
        return ended(["sh", "-c", script], {"FOLDER": str(folder), "OWN": str(self._own)})


class Ours:
    """`wan-healthd scan`, which remembers in a state file."""

    name = "wan-healthd scan"

    def __init__(self, own: Path) -> None:
        self._state = own / "state.db"

    def learn(self, folder: Path) -> None:
        """See `Checker`."""
        if self._scan(folder) is not Word.SILENT:
            raise RuntimeError("wan-healthd finds fault with files that are sound")

    def check(self, folder: Path) -> Word:
        """See `Checker`. Reads every byte, also of files that seem unchanged."""
        return self._scan(folder, "--full")

    def _scan(self, folder: Path, *options: str) -> Word:
        command = [sys.executable, "-m", "wan_healthd.daemon.main", "scan", str(folder), "--state", str(self._state), *options]
        return Word.ALARM if ended(command, environment()).returncode else Word.SILENT


class ByHub:
    """`hf cache verify`, which asks the hub what the files should be: one of our own, that has them."""

    name = "hf cache verify"

    def __init__(self, client: HubClient) -> None:
        self._client = client

    def learn(self, folder: Path) -> None:
        """See `Checker`."""
        if self.check(folder) is not Word.SILENT:
            raise RuntimeError("hf cache verify finds fault with files that are sound")

    def check(self, folder: Path) -> Word:
        """See `Checker`."""
        return Word.SILENT if self._client.verify(REPOSITORY, local=folder) else Word.ALARM


def ended(command: list[str], env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """To its end, with all that it says."""
    everything = {**os.environ, **env}
    return subprocess.run(
        command, env=everything, capture_output=True, text=True, timeout=LIMIT_S, check=False, stdin=subprocess.DEVNULL
    )


def absent() -> list[str]:
    """Those that are not installed."""
    names = [recipe.program for recipe in RECIPES if shutil.which(recipe.program) is None]
    return names if has_hub_client() else [*names, ByHub.name]


def has_hub_client() -> bool:
    """Whether `hf` stands beside our Python."""
    return Path(sys.executable).with_name("hf").exists()


@contextmanager
def installed(own: Path, original: Path) -> Iterator[list[Checker]]:
    """All that are here, ours first.

    Args:
        own: an empty folder for what they remember.
        original: the files as they should be, for those who are told so.
    """
    recipes = [recipe for recipe in RECIPES if shutil.which(recipe.program)]
    places = {name: own / name for name in ["ours", "hub", *(recipe.program for recipe in recipes)]}
    for place in places.values():
        place.mkdir()
    checkers: list[Checker] = [Ours(places["ours"])]
    checkers += [ByRecipe(recipe, places[recipe.program]) for recipe in recipes]
    if not has_hub_client():
        yield checkers
        return
    with running_in_thread(Hub(Repository.of_folder(REPOSITORY, original))) as url:
        yield [*checkers, ByHub(HubClient(places["hub"], places["hub"], url))]
