"""The ids of models that are not stated: whoever has a path keeps its id, and no two models share one."""

from __future__ import annotations

from msgspec.structs import replace

from wan_healthd.domain.models import Layout, Model
from wan_healthd.layouts.registry import ids_beside, may_take
from wan_healthd.store import models
from wan_healthd.store.connection import Connection


def named(connection: Connection, model: Model) -> Model:
    """The model as its layout finds it, under the id that it has or gets."""
    known = None if model.stated or model.layout is Layout.HF_CACHE else models.id_at(connection, model.path)
    if known is not None:
        return replace(model, id=known)
    holder = models.holder(connection, model.id)
    if model.stated or holder is None or may_take(model, holder):
        return model
    free = (name for name in ids_beside(model, holder) if may_take(model, models.holder(connection, name)))
    return replace(model, id=next(free, model.id))
