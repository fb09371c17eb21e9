"""`healthctl completion SHELL`: made from the same definition of the command line as its help."""

from __future__ import annotations

from argparse import Action, ArgumentParser, Namespace

from wan_healthd.cli import exits
from wan_healthd.cli.commands import COMMANDS
from wan_healthd.cli.parser import build, model_id
from wan_healthd.cli.terminal import Terminal
from wan_healthd.client.daemon import Daemon
from wan_healthd.usage.completion import FILE, SHELLS, WHERE_TO_PUT_IT, Completes, script

_MODELS = {
    "bash": "_healthctl_models",
    "zsh": "_healthctl_models",
    "fish": "(healthctl models list --ids 2>/dev/null)",
    "tcsh": '`sh -c "healthctl models list --ids 2>&-"`',  # a slash would end the rule in which this stands
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
        "daemon as you type.\n\n"
        f"{WHERE_TO_PUT_IT.format(prog='healthctl')} Exit status 0."
    )
    parser.add_argument("shell", choices=SHELLS, metavar="SHELL", help=", ".join(SHELLS))


def run(options: Namespace, _daemon: Daemon, terminal: Terminal) -> int:
    """Print it; needs no daemon."""
    parser = build([command.name for command in COMMANDS])
    text = script(parser, options.shell, _completer, _PREAMBLES.get(options.shell, ""))
    if terminal.as_json:
        terminal.json_line({"schema": 1, "shell": options.shell, "script": text})
    else:
        terminal.say(text)
    return exits.HEALTHY


def _completer(action: Action) -> Completes:
    """Which arguments are models and which are files."""
    if action.type is model_id:
        return _MODELS
    return FILE if action.dest in ("socket", "files") else None
