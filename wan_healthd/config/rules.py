"""Holds the settings against each other. Pure: what only the disk knows is in `on_disk`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from wan_healthd.config.model_rules import broken_model_rules
from wan_healthd.config.problems import Place, Problem
from wan_healthd.config.shape import Given, Placed

MAX_SOCKET_PATH_BYTES = 107
"""Linux: sun_path has 108 bytes, one of them the end."""


def broken_rules(given: Given, defaults: Given) -> Iterator[Problem]:
    """Everything that no single field shows. `defaults` holds where `given` says nothing."""
    roots: list[Placed] = given.get("roots", [])
    models: list[Placed] = given.get("models", [])
    yield from _twice("roots", "path", roots)
    yield from _nested_roots(roots)
    yield from _twice("models", "id", models)
    yield from _twice("models", "path", models)
    yield from _unprintable_ids(models)
    yield from _homeless_models(models, roots)
    yield from broken_model_rules(models)
    yield from _thresholds({**defaults["health"], **given.get("health", {})})
    yield from _long_socket(given.get("api", {}).get("socket"))


def is_below(path: str, root: str) -> bool:
    """Whether the path is the root or lies below it; both absolute and normal."""
    return path == root or path.startswith(root.rstrip("/") + "/")


def _twice(table: str, name: str, rows: Sequence[Placed]) -> Iterator[Problem]:
    first: dict[str, Place] = {}
    for row in rows:
        value = getattr(row.value, name)
        if value in first:
            yield Problem(
                row.place, f"{table}.{name}", f'"{value}" stands twice, first at {first[value]}', "remove one of them"
            )
        first.setdefault(value, row.place)


def _nested_roots(rows: Sequence[Placed]) -> Iterator[Problem]:
    for row in rows:
        path = row.value.path
        outer = next((other for other in rows if other.value.path != path and is_below(path, other.value.path)), None)
        if outer is not None:
            message = f'"{path}" lies below the root "{outer.value.path}" ({outer.place}), which covers it'
            yield Problem(row.place, "roots.path", message, "remove one of them")


def _unprintable_ids(rows: Sequence[Placed]) -> Iterator[Problem]:
    for row in rows:
        if not row.value.id.isprintable() or row.value.id != row.value.id.strip():
            message = "expected printable text without spaces around it"
            yield Problem(row.place, "models.id", message, "write a plain name such as wan2.2-ti2v-5b")


def _homeless_models(models: Sequence[Placed], roots: Sequence[Placed]) -> Iterator[Problem]:
    for row in models:
        if not any(is_below(row.value.path, root.value.path) for root in roots):
            message = f'expected a path below one of the [[roots]], found "{row.value.path}"'
            yield Problem(row.place, "models.path", message, "add a root that holds it, or correct the path")


def _thresholds(health: Given) -> Iterator[Problem]:
    warning, critical = health["storage_warning_threshold"], health["storage_critical_threshold"]
    if warning.value >= critical.value:
        message = f"expected less than storage_critical_threshold ({critical.value}), found {warning.value}"
        place = warning.place if warning.place.line is not None else critical.place
        yield Problem(place, "health.storage_warning_threshold", message, "lower it, or raise the other")


def _long_socket(socket: Placed | None) -> Iterator[Problem]:
    if socket is not None and len(socket.value.encode()) > MAX_SOCKET_PATH_BYTES:
        message = f"expected a path of at most {MAX_SOCKET_PATH_BYTES} bytes, found {len(socket.value.encode())}"
        yield Problem(socket.place, "api.socket", message, "choose a shorter path: the system allows no longer socket names")
