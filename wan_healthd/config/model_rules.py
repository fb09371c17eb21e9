"""What `source` and `essential` of the stated models must be. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from wan_healthd.config.problems import Place, Problem, shown
from wan_healthd.config.shape import Placed
from wan_healthd.domain import source_ref
from wan_healthd.domain.source_ref import NotASource

EXAMPLE = "hf:Wan-AI/Wan2.2-TI2V-5B, or the same with @ and a commit, branch or tag behind it"


def broken_model_rules(models: Sequence[Placed]) -> Iterator[Problem]:
    """Everything that is wrong with the sources and the essential files of these models."""
    for row in models:
        yield from _source(row.place, row.value.source)
        for pattern in row.value.essential or ():
            yield from _essential(row.place, pattern)


def _source(place: Place, source: str | None) -> Iterator[Problem]:
    try:
        if source is not None:
            source_ref.parse(source)
    except NotASource as error:
        yield Problem(place, "models.source", f"expected a source, found {shown(source)}: {error}", f"write {EXAMPLE}")


def _essential(place: Place, pattern: str) -> Iterator[Problem]:
    wrong = _wrong_with(pattern)
    if wrong is not None:
        message, cure = wrong
        yield Problem(place, "models.essential", f"{message}, found {shown(pattern)}", cure)


def _wrong_with(pattern: str) -> tuple[str, str] | None:
    """What was expected instead, and the cure; None for a good pattern."""
    folder, _, _ = pattern.rpartition("/")
    if pattern.startswith("/") or not {"", ".", ".."}.isdisjoint(pattern.split("/")) or "\0" in pattern:
        return (
            "expected a path below the model's own folder",
            'write it like "vae/config.json", without .. and slashes at its ends',
        )
    if "*" in folder:
        return "expected * in the last part only", "write a line for each folder"
    if any(char in pattern for char in "?[]") and "*" in pattern:
        return "expected no wildcard but *", "use * alone"
    return None
