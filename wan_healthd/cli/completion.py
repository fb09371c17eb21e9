"""`healthctl completion SHELL`: made from the same definition of the command line as its help.

shtab is imported only here.
"""

from __future__ import annotations

from argparse import Action, ArgumentParser, Namespace, _SubParsersAction
from collections.abc import Mapping

import shtab

from wan_healthd.cli import exits
from wan_healthd.cli.commands import COMMANDS
from wan_healthd.cli.parser import build, model_id
from wan_healthd.cli.terminal import Terminal
from wan_healthd.client.daemon import Daemon

SHELLS = ("bash", "zsh", "fish", "tcsh")
_MODELS = {
    "bash": "_healthctl_models",
    "zsh": "_healthctl_models",
    "fish": "(healthctl models list --ids 2>/dev/null)",
    "tcsh": "`healthctl models list --ids`",
}
# A model is called what its folder is called, so an id may hold anything: `compgen -W` would expand, and thereby run, what
# stands in it. Here it is only ever compared and quoted.
_PREAMBLES = {
    "bash": r"""_healthctl_models() {
  local id quoted
  while IFS= read -r id; do
    printf -v quoted '%q' "$id"
    if [[ "$id" == "$1"* ]] || [[ "$quoted" == "$1"* ]]; then printf '%s\n' "$quoted"; fi
  done < <(healthctl models list --ids 2>/dev/null)
}""",
    "zsh": r"""_healthctl_models() {
  local -a ids
  ids=("${(@f)$(healthctl models list --ids 2>/dev/null)}")
  compadd -a ids
}""",
}


def arguments(parser: ArgumentParser) -> None:
    """Add the command's own arguments."""
    parser.description = (
        "Prints a script that lets your shell complete healthctl's commands, options and models' ids, for which it asks the "
        "daemon as you type. For bash: `healthctl completion bash > FILE`, and `source FILE` in ~/.bashrc. For zsh: into a "
        "file _healthctl in a folder of your $fpath. For fish: into ~/.config/fish/completions/healthctl.fish. For tcsh: into "
        "a file that ~/.tcshrc sources. Exit status 0."
    )
    parser.add_argument("shell", choices=SHELLS, metavar="SHELL", help=", ".join(SHELLS))


def run(options: Namespace, _daemon: Daemon, terminal: Terminal) -> int:
    """Print it; needs no daemon."""
    parser = build([command.name for command in COMMANDS])
    _mark(parser)
    script = shtab.complete(parser, shell=options.shell, preamble=_PREAMBLES.get(options.shell, ""))
    if terminal.as_json:
        terminal.json_line({"schema": 1, "shell": options.shell, "script": script})
    else:
        terminal.say(script)
    return exits.HEALTHY


def _mark(parser: ArgumentParser) -> None:
    """Say which arguments are models and which are files, in the attribute that shtab looks for."""
    for action in parser._actions:
        if isinstance(action, _SubParsersAction):
            for below in action.choices.values():
                _mark(below)
        elif completes := _completes(action):
            vars(action)["complete"] = completes


def _completes(action: Action) -> Mapping[str, str | dict[str, str]] | None:
    if action.type is model_id:
        return _MODELS
    return shtab.FILE if action.dest in ("socket", "files") else None
