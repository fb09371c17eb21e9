"""Fuzzes one parser: `python -m tests.fuzz.parsers PARSER [-- libFuzzer's arguments]`; without a parser, names them all.

Needs atheris, which nothing else here does: `pip install atheris`. Starts from the seeds and from `corpus/PARSER`, and works in
a new folder, which it names: `found/` are the inputs that reached something new, `crash-…` and `timeout-…` those that broke a
promise. A file for an argument is run alone (`-- crash-…`).

What is kept in `corpus` was chosen smallest first: each input of at most 4 KiB that took a step between two lines which none
before it took, under its SHA-1; and under a name of its own each that once broke a promise.
"""

from __future__ import annotations

import importlib
import sys
import tempfile
from pathlib import Path
from typing import Any

CORPUS = Path(__file__).parent / "corpus"
DEFAULTS = ("-timeout=10", "-rss_limit_mb=512", "-max_len=16384", "-max_total_time=60", "-print_final_stats=1")
"""The target itself counts its time on the processor; the fuzzer's clock is for what never comes back."""


def main(arguments: list[str]) -> None:
    """Runs until the time is up or a promise is broken."""
    name, *rest = arguments or [""]
    atheris = _atheris()
    with atheris.instrument_imports(include=["wan_healthd"]):
        targets = importlib.import_module("tests.fuzz.targets").TARGETS
    if name not in targets:
        sys.exit(f"cannot fuzz {name!r}: the parsers are {', '.join(targets)}")
    extra = rest[1:] if rest[:1] == ["--"] else rest
    paths = [] if any(not argument.startswith("-") for argument in extra) else _folders(name)
    atheris.Setup([sys.argv[0], *DEFAULTS, *extra, *paths], targets[name])
    atheris.Fuzz()


def _atheris() -> Any:
    try:
        return importlib.import_module("atheris")
    except ImportError:
        sys.exit("cannot fuzz: atheris is not installed; `pip install atheris` (the tests do without it)")


def _folders(name: str) -> list[str]:
    """A new folder for what is found, and then those of what is known."""
    from tests.fuzz.seeds import SEEDS

    work = Path(tempfile.mkdtemp(prefix=f"fuzz-{name}-"))
    found, seeds = work / "found", work / "seeds"
    for folder in (found, seeds):
        folder.mkdir()
    for number, seed in enumerate(SEEDS[name]):
        (seeds / str(number)).write_bytes(seed)
    print(f"works in {work}", file=sys.stderr)
    known = CORPUS / name
    return [f"-artifact_prefix={work}/", str(found), str(seeds), *([str(known)] if known.is_dir() else [])]


if __name__ == "__main__":
    main(sys.argv[1:])
