"""Announced generations: what is asked and answered. Durations are seconds."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from wan_healthd.domain.generations import LONGEST_MODEL_ID, LONGEST_NOTE, LONGEST_S, SHORTEST_S, USUAL_S, Generation

Lifetime = Annotated[float, Meta(ge=SHORTEST_S, le=LONGEST_S)]


class GenerationStart(Struct, frozen=True, forbid_unknown_fields=True):
    """`POST /v1/generations/start`. The announcement expires by itself, also where nobody ends it.

    `model` is the id of the model that generates; one that is unknown is taken, too. `note` is for those who wonder why sweeps
    wait; whoever may open the socket reads it, so no prompt belongs there. Without `expires_in_seconds` it expires after four
    times `expected_seconds` (at least 600), and after 3600 where that is not said either.
    """

    model: Annotated[str, Meta(min_length=1, max_length=LONGEST_MODEL_ID)] | None = None
    expected_seconds: Annotated[float, Meta(ge=0, le=LONGEST_S)] | None = None
    expires_in_seconds: Lifetime | None = None
    note: Annotated[str, Meta(max_length=LONGEST_NOTE)] = ""


class GenerationRenewal(Struct, frozen=True, forbid_unknown_fields=True):
    """`POST /v1/generations/{n}/renew`: it expires so long from now instead."""

    expires_in_seconds: Lifetime = USUAL_S


class GenerationAnswer(Struct, frozen=True):
    """`POST /v1/generations/start` and `/v1/generations/{n}/renew`."""

    schema: int
    generation: Generation


class GenerationEndAnswer(Struct, frozen=True):
    """`POST /v1/generations/{n}/end`. `was_open`: whether it was open until now; it may have ended or expired before."""

    schema: int
    generation: Generation
    was_open: bool


class GenerationsAnswer(Struct, frozen=True):
    """`GET /v1/generations`: those that are open, those that last longest first."""

    schema: int
    generations: tuple[Generation, ...]
