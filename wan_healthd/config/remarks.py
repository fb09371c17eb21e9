"""What is worth knowing of a configuration that has no errors, for `--check-config`."""

from __future__ import annotations

from wan_healthd.domain import quiet_hours
from wan_healthd.domain.amounts import duration_text, size_text
from wan_healthd.domain.budget import Budget
from wan_healthd.domain.settings import Settings, SweepSettings


def remarks(settings: Settings) -> list[str]:
    """One printable line each."""
    told = _most_that_is_read(settings.sweep)
    return [] if told is None else [told]


def _most_that_is_read(sweep: SweepSettings) -> str | None:
    """How much there may be, since nobody looked yet how much there is; the daemon tells where it is more."""
    quiet = quiet_hours.quiet_fraction([quiet_hours.parse(text) for text in sweep.quiet_hours])
    budget = Budget(0, sweep.full_every, sweep.max_rate, quiet)
    if budget.most_bytes is None or sweep.max_rate is None:
        return None
    hours = f" and {quiet * 24:.3g} quiet hours a day" if quiet else ""
    return (
        f"note: with {size_text(sweep.max_rate)}/s{hours}, full sweeps read at most {size_text(budget.most_bytes)}"
        f" every {duration_text(sweep.full_every)}; where the models hold more, raise max_rate or full_every in [sweep]"
    )
