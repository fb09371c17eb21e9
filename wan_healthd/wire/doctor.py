"""`GET /v1/doctor`: what is asked, and what is answered."""

from __future__ import annotations

from msgspec import Struct

from wan_healthd.domain.doctor import Diagnosis


class DoctorQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """`network`: also try whether the hub answers, where it may be asked at all."""

    network: bool = False


class DoctorAnswer(Struct, frozen=True):
    """`GET /v1/doctor`: the daemon and its surroundings as seen from within it, one diagnosis a check.

    What only a client sees (whether it may open the socket, its groups) is no part of it: `healthctl doctor` adds that.
    """

    schema: int
    version: str
    diagnoses: tuple[Diagnosis, ...]
