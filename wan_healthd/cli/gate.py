"""`healthctl gate MODEL`."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator

from wan_healthd.cli import exits
from wan_healthd.cli.findings import findings_lines
from wan_healthd.cli.parser import model_id
from wan_healthd.cli.terminal import Terminal
from wan_healthd.client.daemon import Daemon
from wan_healthd.client.document import Document
from wan_healthd.usage.sections import add_section


def arguments(parser: ArgumentParser) -> None:
    """Add the command's own arguments."""
    parser.description = (
        "Says whether a model may be loaded now, by what is known already and by a look at each file, without reading any. Put "
        "it before whatever loads the model: `healthctl gate MODEL && generate`. Exit status 0 if it may, 1 if not, with "
        "the reason."
    )
    parser.add_argument("model", type=model_id, metavar="MODEL", help="the model's id")
    add_section(parser, "examples", (("healthctl gate wan2.2-ti2v-5b && echo load it", "Load a model only if it is sound."),))


def run(options: Namespace, daemon: Daemon, terminal: Terminal) -> int:
    """Ask, and tell."""
    answer = daemon.gate(options.model)
    gate = answer.document.part("gate")
    if terminal.as_json:
        terminal.document(answer.body, answer.document.plain)
    else:
        terminal.say_all(_lines(gate, terminal))
    return exits.HEALTHY if gate.flag("go") else exits.UNHEALTHY


def _lines(gate: Document, terminal: Terminal) -> Iterator[str]:
    word, colour = ("go", "green") if gate.flag("go") else ("no-go", "red")
    findings, reason = gate.parts("findings"), gate.text("reason")
    if any(reason.startswith(finding.text("message")) for finding in findings):  # which are told below
        reason = gate.text("status")
    yield from terminal.wrap_painted(word, colour, f", {reason}", f"{gate.text('model_id')}: ", "  ")
    yield from findings_lines(findings, terminal, indent="  ", where=False)
