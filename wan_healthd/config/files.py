"""Finds the configuration files and reads them as TOML."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from wan_healthd.config.problems import Place, Problem

DEFAULT_FOLDER = "/etc/wan-healthd"
FILE_NAME = "config.toml"
DROP_IN_FOLDER = "conf.d"
MAX_FILE_BYTES = 1 << 20

_TOML_LINE = re.compile(r" *\(at line (\d+), column \d+\)")


class ConfigSource(Struct, frozen=True):
    """The main file, which may have `conf.d` beside it; `required` if its absence is an error."""

    file: str
    required: bool


class UnreadableFile(Exception):
    """A file or folder that cannot be used at all."""

    def __init__(self, place: Place, message: str, cure: str) -> None:
        super().__init__(message)
        self.problem = Problem(place, "", message, cure)


def find_source(file: str | None, environ: Mapping[str, str]) -> ConfigSource:
    """Where the configuration stands: the file that was asked for, else the service manager's folder, else `/etc`."""
    if file is not None:
        return ConfigSource(file, required=True)
    folder = environ.get("CONFIGURATION_DIRECTORY", "").split(":")[0] or DEFAULT_FOLDER
    return ConfigSource(os.path.join(folder, FILE_NAME), required=False)


def drop_ins(source: ConfigSource) -> list[str]:
    """The files of `conf.d`, in the order of their names; none if there is no such folder.

    Raises:
        UnreadableFile: the folder cannot be listed.
    """
    folder = os.path.join(os.path.dirname(source.file), DROP_IN_FOLDER)
    try:
        names = sorted(os.listdir(folder))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise UnreadableFile(Place(folder), f"cannot list the folder: {error.strerror}", "correct its permissions") from error
    return [os.path.join(folder, name) for name in names if name.endswith(".toml") and not name.startswith(".")]


def read_text(file: str, *, required: bool) -> str:
    """The file's text; empty for an absent file that is not required.

    Raises:
        UnreadableFile: it cannot be read, is too large, or is no text.
    """
    try:
        with open(file, "rb") as opened:
            content = opened.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        if isinstance(error, FileNotFoundError) and not required:
            return ""
        cure = "correct the path or the file's permissions"
        raise UnreadableFile(Place(file), f"cannot read the file: {error.strerror}", cure) from error
    if len(content) > MAX_FILE_BYTES:
        raise UnreadableFile(Place(file), f"cannot read the file: it is larger than {MAX_FILE_BYTES} bytes", "correct the path")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        place = Place(file, content.count(b"\n", 0, error.start) + 1)
        raise UnreadableFile(place, "cannot read the file: it is not UTF-8 text", "save it as UTF-8") from error


def parse(file: str, text: str) -> dict[str, Any]:
    """The file's tables.

    Raises:
        UnreadableFile: it is not TOML. For numbers of thousands of digits and for endless nesting `tomllib` has errors of its
            own, without a line.
    """
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        said = str(error) if isinstance(error, ValueError) else "it nests too deeply"
        match = _TOML_LINE.search(said)
        place = Place(file, int(match[1]) if match else None)
        message = f"cannot read the file as TOML: {_TOML_LINE.sub('', said)}"
        raise UnreadableFile(place, message, "correct it; see https://toml.io for how values are written") from error
