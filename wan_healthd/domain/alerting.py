"""What of the due alerts is told now, and what waits: dependants are folded, storms are summed up. Pure.

At most so many alerts of a kind are told one by one in a minute, and only a few of one model; the others wait for the end of
the minute and are one record then. While such a storm lasts there is one record a minute. Nothing is lost: events hold all.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from itertools import groupby

from msgspec import Struct

from wan_healthd.domain.alerts import BY_NAME, Alert, AlertKind
from wan_healthd.domain.paths import printable

WINDOW_S = 60.0
FEW_OF_A_MODEL = 5
FEW_MODELS = 3


class Due(Struct, frozen=True):
    """An entry of the ledger whose time has come; see `domain.alert_ledger.Entry`."""

    id: int
    kind: str
    model_id: str | None
    path: str | None
    is_cleared: bool
    times_told: int = 0

    @property
    def told_as(self) -> str:
        """The name of the kind that it is told as."""
        kind = BY_NAME.get(self.kind)
        return kind.ends_as if kind is not None and self.is_cleared else self.kind


class Above(Struct, frozen=True):
    """Something open that may explain others: all of its model, or else all below its path, or else everything."""

    kind: str
    model_id: str | None
    path: str | None


class Window(Struct, frozen=True):
    """A minute of one kind. `began_s` is monotonic; in a storm nothing is told one by one."""

    began_s: float
    told: int = 0
    by_model: tuple[tuple[str, int], ...] = ()
    held: int = 0
    is_storm: bool = False


Tally = Mapping[str, Window]
"""By the name of the kind that is told."""


class Summary(Struct, frozen=True):
    """Many entries told in one record; `model_ids` are distinct and sorted."""

    kind: str
    ids: tuple[int, ...]
    model_ids: tuple[str, ...]


class Decision(Struct, frozen=True):
    """What becomes of the due entries, by id; each is in exactly one place.

    `look_again_s`: monotonic time at which what is held must be decided again; None where nothing is.
    """

    tell: tuple[int, ...]
    summaries: tuple[Summary, ...]
    held: tuple[int, ...]
    folded: tuple[int, ...]
    tally: Tally
    look_again_s: float | None


class _Ration(Struct, frozen=True):
    window: Window
    tell: tuple[int, ...] = ()
    summaries: tuple[Summary, ...] = ()
    held: tuple[int, ...] = ()


def decide(dues: Sequence[Due], above: Iterable[Above], tally: Tally, *, most_per_minute: int, now_s: float) -> Decision:
    """Decide about everything that is due; `dues` holds what was held until a window that is over now, too."""
    open_now = frozenset(above)
    folded = {due.id for due in dues if not due.is_cleared and covers(open_now, due)}
    lanes: dict[str, list[Due]] = {}
    for due in dues:
        if due.id not in folded:
            lanes.setdefault(due.told_as, []).append(due)
    rations = {name: _ration(name, lane, tally.get(name), most_per_minute, now_s) for name, lane in lanes.items()}
    live = {name: window for name, window in tally.items() if not is_over(window, now_s)}
    windows = live | {name: ration.window for name, ration in rations.items()}
    return Decision(
        tell=tuple(number for ration in rations.values() for number in ration.tell),
        summaries=tuple(summary for ration in rations.values() for summary in ration.summaries),
        held=tuple(number for ration in rations.values() for number in ration.held),
        folded=tuple(sorted(folded)),
        tally=windows,
        look_again_s=min((window.began_s + WINDOW_S for window in windows.values() if window.held), default=None),
    )


def is_over(window: Window, now_s: float) -> bool:
    """Whether its minute is over."""
    return now_s - window.began_s >= WINDOW_S


def covers(above: Container[Above], due: Due) -> bool:
    """Whether something open explains what is due: of a kind that it depends on, and of its model or of a folder around it."""
    kind = BY_NAME.get(due.kind)
    if kind is None or not kind.depends_on:
        return False
    places = [Above("", None, None), *(Above("", None, folder) for folder in _folders(due.path))]
    if due.model_id is not None:
        places.append(Above("", due.model_id, None))
    return any(Above(name, place.model_id, place.path) in above for name in kind.depends_on for place in places)


def _folders(path: str | None) -> Iterator[str]:
    """The path itself, and every folder above it."""
    while path:
        yield path
        if path == "/":
            return
        path = path.rpartition("/")[0] or "/"


def dependents_of(name: str) -> tuple[str, ...]:
    """Names of the kinds that wait while one of this kind is open."""
    return tuple(kind.name for kind in BY_NAME.values() if name in kind.depends_on)


PARENTS = tuple(name for name in BY_NAME if dependents_of(name))
"""Names of the kinds that others depend on."""


def summary_alert(summary: Summary) -> Alert:
    """The one record that stands for many."""
    kind: AlertKind = BY_NAME[summary.kind]
    count, models = len(summary.ids), [printable(model_id) for model_id in summary.model_ids]
    more = f"and {count:,} more of this kind ({kind.name})"
    if not models:
        return Alert(kind, f"{more}; `healthctl alert` lists them", count=count)
    if len(models) == 1:
        told = f"{models[0]}: {more}; see `healthctl status {models[0]}`"
        return Alert(kind, told, model_id=summary.model_ids[0], count=count)
    shown = ", ".join(models[:FEW_MODELS])
    others = f" and {len(models) - FEW_MODELS:,} others" if len(models) > FEW_MODELS else ""
    return Alert(kind, f"{more} in {len(models):,} models ({shown}{others}); see `healthctl status`", count=count)


def _ration(name: str, lane: Sequence[Due], window: Window | None, most: int, now_s: float) -> _Ration:
    if window is not None and not is_over(window, now_s):
        return _one_by_one(lane, window, most)
    if window is None or not window.held:
        return _one_by_one(lane, Window(now_s), most)
    was_storm = window.is_storm or window.told >= most
    tell, summaries = _summed_up(name, lane)
    fresh = Window(now_s, told=len(tell) + len(summaries), is_storm=was_storm and len(lane) > FEW_OF_A_MODEL)
    return _Ration(fresh, tell, summaries)


def _one_by_one(lane: Sequence[Due], window: Window, most: int) -> _Ration:
    tell: list[int] = []
    held: list[int] = []
    by_model = dict(window.by_model)
    for due in lane:
        of_model = by_model.get(due.model_id, 0) if due.model_id is not None else 0
        if window.is_storm or window.told + len(tell) >= most or of_model >= FEW_OF_A_MODEL:
            held.append(due.id)
            continue
        tell.append(due.id)
        if due.model_id is not None:
            by_model[due.model_id] = of_model + 1
    after = Window(window.began_s, window.told + len(tell), tuple(by_model.items()), window.held + len(held), window.is_storm)
    return _Ration(after, tuple(tell), (), tuple(held))


def _summed_up(name: str, lane: Sequence[Due]) -> tuple[tuple[int, ...], tuple[Summary, ...]]:
    """One record for each of a few models, or one for all; what stands alone is told as itself."""
    if len(lane) == 1:
        return (lane[0].id,), ()
    ordered = sorted(lane, key=lambda due: (due.model_id or "", due.id))
    groups = [_summary(name, group) for _, group in groupby(ordered, key=lambda due: due.model_id)]
    if len(groups) > FEW_MODELS:
        return (), (_summary(name, ordered),)
    alone = tuple(group.ids[0] for group in groups if len(group.ids) == 1)
    return alone, tuple(group for group in groups if len(group.ids) > 1)


def _summary(name: str, dues: Iterable[Due]) -> Summary:
    group = tuple(dues)
    models = sorted({due.model_id for due in group if due.model_id is not None})
    return Summary(name, tuple(due.id for due in group), tuple(models))
