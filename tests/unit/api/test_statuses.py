from __future__ import annotations

from collections.abc import Iterator

import wan_healthd.api.errors
from wan_healthd.api.statuses import STATUS_BY_CODE, status_of
from wan_healthd.domain.errors import HealthdError


def kinds(base: type[HealthdError]) -> Iterator[type[HealthdError]]:
    for kind in base.__subclasses__():
        if kind.__module__ in (HealthdError.__module__, wan_healthd.api.errors.__name__):
            yield kind
        yield from kinds(kind)


def test_every_error_that_we_know_has_a_status() -> None:
    codes = {kind.code for kind in kinds(HealthdError)}
    assert codes <= STATUS_BY_CODE.keys()


def test_an_unknown_code_is_our_fault() -> None:
    assert status_of("never-heard-of") == 500
