"""What a look at the daemon itself and at its surroundings found: one diagnosis a check, each with its cure."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from msgspec import Struct


class Standing(StrEnum):
    """How it stands with one thing, the worst first."""

    PROBLEM = "problem"
    """Something that the daemon is there for does not work."""
    WARNING = "warning"
    """It works, but less well than it could, or not for long."""
    OK = "ok"
    NOT_APPLICABLE = "not_applicable"
    """Not configured, or not there and not needed."""


class Diagnosis(Struct, frozen=True):
    """One check of one thing.

    Args:
        check: its name, as "root" or "inotify"; stable.
        verdict: see `Standing`.
        found: one line, without control characters.
        cure: what to do, with the command or the file; "" where nothing need be done.
        subject: what was checked where there are several, as a folder; "" else.
    """

    check: str
    verdict: Standing
    found: str
    cure: str = ""
    subject: str = ""

    @property
    def needs_doing(self) -> bool:
        """Whether somebody should do something."""
        return self.verdict in (Standing.PROBLEM, Standing.WARNING)


def has_problem(diagnoses: Iterable[Diagnosis]) -> bool:
    """Whether anything does not work."""
    return any(diagnosis.verdict is Standing.PROBLEM for diagnosis in diagnoses)


def ok(check: str, found: str, subject: str = "") -> Diagnosis:
    """It is as it should be."""
    return Diagnosis(check, Standing.OK, found, subject=subject)


def idle(check: str, found: str, subject: str = "") -> Diagnosis:
    """It does not matter here."""
    return Diagnosis(check, Standing.NOT_APPLICABLE, found, subject=subject)


def warning(check: str, found: str, cure: str, subject: str = "") -> Diagnosis:
    """It could be better."""
    return Diagnosis(check, Standing.WARNING, found, cure, subject)


def problem(check: str, found: str, cure: str, subject: str = "") -> Diagnosis:
    """It does not work."""
    return Diagnosis(check, Standing.PROBLEM, found, cure, subject)
