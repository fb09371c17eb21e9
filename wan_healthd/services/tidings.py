"""What of a model's findings people are told. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from wan_healthd.domain import alerts
from wan_healthd.domain.alert_ledger import NewAlert, key_of
from wan_healthd.domain.alerts import AlertKind
from wan_healthd.domain.catalogue import NOT_YET_READ, ROOT_UNREACHABLE, UNJUDGED
from wan_healthd.domain.findings import Finding, Severity

NO_ALERT = frozenset({UNJUDGED.code, NOT_YET_READ.code, ROOT_UNREACHABLE.code})
"""A file that is still being written, mere progress, and what the root's own alert tells."""


def kind_of(finding: Finding) -> AlertKind:
    """Damage that matters is critical, lesser damage and advice are warnings."""
    if finding.is_advice:
        return alerts.ADVICE_GIVEN
    return alerts.CORRUPTION_FOUND if finding.severity.rank >= Severity.HIGH.rank else alerts.MODEL_DEGRADED


def tidings_of(
    model_id: str, model_path: str, findings: Iterable[Finding], *, words_are_news: bool = True
) -> tuple[NewAlert, ...]:
    """An alert for each finding that is one; `model_path` stands for findings that name no file."""
    return tuple(
        NewAlert(
            kind=kind_of(finding),
            key=key_of(model_id, finding),
            message=finding.message,
            closing=f"no longer: {finding.message}",
            model_id=model_id,
            path=finding.path or model_path,
            finding=finding,
            is_finding=True,
            words_are_news=words_are_news,
        )
        for finding in findings
        if finding.code not in NO_ALERT
    )
