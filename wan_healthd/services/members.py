"""Which of a folder's entries belong to models, and which of those are to be judged."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from msgspec import Struct

from wan_healthd.domain.files import Entry, Presence, Role
from wan_healthd.domain.models import Model
from wan_healthd.domain.paths import join
from wan_healthd.layouts import names, registry
from wan_healthd.layouts.registry import Atlas
from wan_healthd.services.orders import Findings, Order
from wan_healthd.services.queue import Priority
from wan_healthd.services.survey import Survey
from wan_healthd.store.paths import Glance

MOST_UNCLAIMED = 10_000
"""Most unclaimed files whose names are kept."""


class Member(Struct, frozen=True):
    """A file of a model."""

    entry: Entry
    path: bytes
    model: Model
    role: Role


def members(survey: Survey, atlas: Atlas, found: Findings, known: Collection[bytes]) -> Iterator[Member]:
    """The surveyed folder's files that belong to models; strangers go to `found`. `known` are the paths in the store."""
    fetched = names.in_flight(entry.name for entry in survey.listing.entries)
    for entry in survey.ground.entries(survey.listing):
        path = join(survey.listing.path, entry.name)
        if entry.look.presence is Presence.FOLDER or (entry.name in fetched and path not in known):
            continue
        role = names.role_of(entry.name)
        model = registry.file_model(path, survey.ground, atlas)
        if path == model.path and model.stated:
            yield Member(entry, path, model, role or Role.WEIGHTS)
        elif role is Role.WEIGHTS or (role is not None and model.layout.is_folder):
            yield Member(entry, path, model, role)
        elif not names.is_unfinished(entry.name):
            found.unclaimed_count += 1
            if len(found.unclaimed) < MOST_UNCLAIMED:
                found.unclaimed.append(path)


def is_due(member: Member, glance: Glance | None) -> bool:
    """New, changed, never judged, half read, or with findings to be confirmed again."""
    return glance is None or glance.has_findings or _is_unread(member, glance)


def is_at_rest(member: Member, glance: Glance | None) -> bool:
    """Whether there is nothing at all to do about it."""
    is_enrolled = glance is not None and glance.models == (member.model.id,) and not glance.is_essential
    return is_enrolled and not is_due(member, glance)


def priority_of(member: Member, glance: Glance | None, order: Order) -> Priority:
    """What is still to be read will hear what is said then: it takes no lane from those who only have to listen again."""
    if glance is None or (order.priority is Priority.RETOLD and _is_unread(member, glance)):
        return Priority.NEW if order.priority is Priority.RETOLD else min(order.priority, Priority.NEW)
    return order.priority


def is_subfolder(entry: Entry) -> bool:
    """Whether walks enter it, if its folder's ground lets them."""
    return entry.look.presence is Presence.FOLDER and not entry.look.is_link and not names.is_hidden_folder(entry.name)


def _is_unread(member: Member, glance: Glance) -> bool:
    """Whether judging it may take a long read."""
    return not glance.is_judged or glance.is_half_read or glance.identity != member.entry.look.identity
