"""What is told, and what waits: pure decisions, with a clock of numbers."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from wan_healthd.domain.alerting import Above, Due, Summary, Tally, covers, decide, dependents_of, summary_alert
from wan_healthd.domain.alerts import ALERT_KINDS, BY_NAME, AlertClass, AlertKind

MOST = 20
LOST = Above("root-lost", None, "/srv/models")


def dues(count: int, *, model: str | None = None, kind: str = "corruption-found", first: int = 1) -> list[Due]:
    """Each of a model of its own, unless `model` is given."""
    return [Due(n, kind, model or f"m{n:06}", f"/srv/models/{n}", False) for n in range(first, first + count)]


class Teller:
    """Feeds what was held back in once it must be decided again, as the ledger does; counts the records."""

    def __init__(self) -> None:
        self.tally: Tally = {}
        self.held: dict[int, Due] = {}
        self.look_again_s: float | None = None
        self.told: list[int] = []
        self.summaries: list[Summary] = []

    def at(self, now_s: float, new: Sequence[Due] = ()) -> int:
        """Records of this moment."""
        is_time = self.look_again_s is not None and now_s >= self.look_again_s
        fresh = {due.id: due for due in ((*self.held.values(), *new) if is_time else new)}
        decision = decide(list(fresh.values()), (), self.tally, most_per_minute=MOST, now_s=now_s)
        places = [*decision.tell, *decision.held, *(n for summary in decision.summaries for n in summary.ids)]
        assert sorted(places) == sorted(fresh), "each entry in exactly one place"
        if is_time:
            self.held.clear()
        self.held.update((number, fresh[number]) for number in decision.held)
        self.tally, self.look_again_s = decision.tally, decision.look_again_s
        self.told.extend(decision.tell)
        self.summaries.extend(decision.summaries)
        return len(decision.tell) + len(decision.summaries)

    @property
    def records(self) -> int:
        return len(self.told) + len(self.summaries)


def test_a_few_are_told_one_by_one() -> None:
    teller = Teller()
    assert teller.at(0, dues(3)) == 3
    assert teller.at(1, dues(3, first=4)) == 3
    assert teller.look_again_s is None


def test_a_storm_is_summed_up() -> None:
    teller = Teller()
    assert teller.at(0, dues(5000)) == MOST
    assert teller.at(30) == 0
    assert teller.at(60) == 1
    (summary,) = teller.summaries
    assert len(summary.ids) == 4980
    alert = summary_alert(summary)
    assert alert.message == (
        "and 4,980 more of this kind (corruption-found) in 4,980 models (m000021, m000022, m000023 and 4,977 others);"
        " see `healthctl status`"
    )
    assert (alert.count, alert.kind.name) == (4980, "corruption-found")


def test_a_long_storm_of_a_hundred_thousand_is_few_records() -> None:
    """Ten minutes, and then an hour of silence: 20 at once, one a minute, and nothing is left over."""
    teller = Teller()
    for second in range(600):
        teller.at(second, dues(167, first=1 + second * 167))
    for second in range(600, 4200):
        teller.at(second)
    assert not teller.held
    assert len(teller.told) + sum(len(summary.ids) for summary in teller.summaries) == 100_200
    assert teller.records <= MOST + 11
    assert teller.at(5000, dues(1, first=200_000)) == 1, "after the storm they are told as before"
    assert teller.told[-1] == 200_000


def test_many_of_one_model_are_folded_and_others_are_not_delayed() -> None:
    teller = Teller()
    assert teller.at(0, dues(50, model="big")) == 5
    assert teller.at(1, dues(1, model="other", first=100)) == 1
    assert teller.at(60) == 1
    (summary,) = teller.summaries
    alert = summary_alert(summary)
    assert alert.message == "big: and 45 more of this kind (corruption-found); see `healthctl status big`"
    assert alert.model_id == "big"
    assert teller.at(61, dues(2, first=200)) == 2, "that was no storm"


def test_what_waited_alone_is_told_as_itself() -> None:
    teller = Teller()
    teller.at(0, dues(MOST + 1))
    assert teller.at(60) == 1
    assert (len(teller.told), teller.summaries) == (MOST + 1, [])


def test_kinds_do_not_crowd_each_other_out() -> None:
    teller = Teller()
    teller.at(0, dues(1000))
    assert teller.at(1, dues(2, kind="advice-given", first=5000)) == 2
    ended = [Due(n, "corruption-found", f"m{n}", None, True) for n in range(7000, 7003)]
    assert teller.at(2, ended) == 3, "the end of something is another kind"


@pytest.mark.parametrize(
    ("above", "due", "is_covered"),
    [
        (LOST, Due(1, "corruption-found", "m", "/srv/models/m/f", False), True),
        (LOST, Due(1, "exposure-missed", "m", "/srv/models", False), True),
        (LOST, Due(1, "corruption-found", "m", "/srv/models2/f", False), False),
        (LOST, Due(1, "corruption-found", "m", None, False), False),
        (LOST, Due(1, "root-lost", None, "/srv/models", False), False),
        (Above("corruption-found", "m", None), Due(1, "model-degraded", "m", "/x", False), True),
        (Above("corruption-found", "m", None), Due(1, "model-degraded", "n", "/x", False), False),
        (Above("corruption-found", "m", None), Due(1, "advice-given", "m", "/x", False), False),
        (Above("root-lost", None, "/"), Due(1, "corruption-found", "m", "/a", False), True),
        (LOST, Due(1, "of-a-newer-version", "m", "/srv/models/f", False), False),
    ],
)
def test_what_explains_what(above: Above, due: Due, is_covered: bool) -> None:
    assert covers({above}, due) is is_covered
    decision = decide([due], [above], {}, most_per_minute=MOST, now_s=0)
    assert (decision.folded, decision.tell) == (((1,), ()) if is_covered else ((), (1,)))


def test_an_end_is_never_folded() -> None:
    ended = Due(1, "corruption-found", "m", "/srv/models/f", True)
    assert decide([ended], [LOST], {}, most_per_minute=MOST, now_s=0).tell == (1,)


@pytest.mark.parametrize("declared", ALERT_KINDS, ids=lambda kind: kind.name)
def test_what_kinds_declare_fits_together(declared: AlertKind) -> None:
    assert BY_NAME[declared.ends_as].alert_class is AlertClass.INFO
    assert all(name in BY_NAME and name != declared.name for name in declared.depends_on)
    assert declared.shows_after_s == 0 or declared.ends_as != "finding-cleared", "damage is told at once"
    assert all(declared.name in BY_NAME[name].depends_on for name in dependents_of(declared.name))
