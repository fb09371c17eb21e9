"""Scripts that complete a program's command line in a shell, made from its parser by shtab, which is imported only here."""

from __future__ import annotations

from argparse import Action, ArgumentParser
from collections.abc import Callable, Mapping

from wan_healthd.usage.outline import words

Completes = str | Mapping[str, str] | None
"""How an argument is completed: FILE, or for each shell what it runs; None: by its choices."""

SHELLS = ("bash", "zsh", "fish", "tcsh")
FILE = "file"
WHERE_TO_PUT_IT = (
    "For bash: `{prog} completion bash > FILE`, and `source FILE` in ~/.bashrc. For zsh: into a file _{prog} in a folder of "
    "your $fpath. For fish: into ~/.config/fish/completions/{prog}.fish. For tcsh: into a file that ~/.tcshrc sources. The "
    "Debian package brings it along."
)


def script(parser: ArgumentParser, shell: str, completer: Callable[[Action], Completes], preamble: str = "") -> str:
    """The script for one of SHELLS; `preamble` defines what it calls.

    The parser must have every command in it, and is marked for good.
    """
    import shtab

    _mark(parser, completer)
    return str(shtab.complete(parser, shell=shell, preamble=preamble))


def _mark(parser: ArgumentParser, completer: Callable[[Action], Completes]) -> None:
    for action in parser._actions:
        if completes := completer(action):
            vars(action)["complete"] = completes
    for word in words(parser):
        word.parser.description = word.summary  # beside its name there is room for a line only
        _mark(word.parser, completer)
