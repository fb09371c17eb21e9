from __future__ import annotations

import pytest

from wan_healthd.api.statuses import STATUS_BY_CODE
from wan_healthd.cli import exits
from wan_healthd.domain.verdicts import HealthStatus


@pytest.mark.parametrize("status", list(HealthStatus))
def test_only_healthy_is_zero(status: HealthStatus) -> None:
    assert exits.health(status.value) == (0 if status is HealthStatus.HEALTHY else 1)


def test_every_code_of_the_api_has_an_exit_status_above_unhealthy() -> None:
    assert all(exits.exit_of(code) >= exits.USAGE for code in STATUS_BY_CODE)


@pytest.mark.parametrize(("http", "status"), [(404, exits.NOT_FOUND), (403, exits.FORBIDDEN)])
def test_both_tables_agree_on_what_is_not_there_and_not_permitted(http: int, status: int) -> None:
    codes = {code for code, found in STATUS_BY_CODE.items() if found == http} - {"unknown-path", "foreign-request"}
    assert {exits.exit_of(code) for code in codes} == {status}
