#!/usr/bin/env python3
"""Makes the manual pages wan-healthd(8), healthctl(1) and wan-healthd.toml(5).

They are made from what the programs work by: their command lines, the settings and config.example.toml. The package itself must
be installed, or be the checkout around this file; nothing else is needed.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from shutil import which

CHECKOUT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(CHECKOUT))

from manual import configuration, programs, roff  # noqa: E402 -- only now can it be found

from wan_healthd.version import __version__  # noqa: E402

JUDGES = (
    ("man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z"),
    ("mandoc", "-T", "lint", "-W", "style"),
)
"""Programs that name what is wrong with a page, on either stream; where they are silent the page is good."""


def main() -> int:
    """Write the pages; returns the exit status."""
    options = _options()
    options.folder.mkdir(parents=True, exist_ok=True)
    complaints: list[str] = []
    for name, text in _pages():
        path = options.folder / name
        path.write_text(text, encoding="ascii")
        print(path)
        if options.check:
            complaints += _complaints(path)
    print("".join(complaints), end="", file=sys.stderr)
    return 1 if complaints else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog="The date on the pages is $SOURCE_DATE_EPOCH's, else today's. Exit status 1 if --check found anything.",
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="where the pages go; it is made if need be")
    parser.add_argument("--check", action="store_true", help="have man and mandoc, where they are installed, judge each page")
    return parser.parse_args()


def _pages() -> Iterator[tuple[str, str]]:
    example = (CHECKOUT / "config.example.toml").read_text(encoding="utf-8")
    for name, section, body in (
        ("wan-healthd", 8, programs.daemon()),
        ("healthctl", 1, programs.healthctl()),
        ("wan-healthd.toml", 5, configuration.page(example)),
    ):
        top = roff.header(name, section, _date(), f"wan-healthd {__version__}")
        yield f"{name}.{section}", roff.text_of((*top, *body))


def _date() -> str:
    """The same for the same source: https://reproducible-builds.org/specs/source-date-epoch/."""
    return time.strftime("%Y-%m-%d", time.gmtime(int(os.environ.get("SOURCE_DATE_EPOCH") or time.time())))


def _complaints(path: Path) -> Iterator[str]:
    for command in JUDGES:
        if which(command[0]) is None:
            continue
        judged = subprocess.run(
            [*command, path], capture_output=True, check=False, env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
        )
        said = judged.stderr if command[0] == "man" else judged.stdout + judged.stderr
        yield from (f"{command[0]}: {line}\n" for line in said.decode(errors="replace").splitlines())


if __name__ == "__main__":
    sys.exit(main())
