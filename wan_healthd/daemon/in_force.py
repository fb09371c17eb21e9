"""What the daemon works by: the configuration, and what it means on this very system."""

from __future__ import annotations

import grp
import os

from msgspec import Struct

from wan_healthd.config.environment import hub_access
from wan_healthd.domain.errors import ConfigInvalid
from wan_healthd.domain.hub import HubAccess
from wan_healthd.domain.settings import Settings


class InForce(Struct, frozen=True):
    """A configuration that can be worked by.

    Args:
        hub: how the hub may be asked; None: not at all.
        socket_gid: the group that may connect; None for the process's own.
        act_gid: the group that may act.
    """

    settings: Settings
    hub: HubAccess | None
    socket_gid: int | None
    act_gid: int


def judged(settings: Settings, stored_token: str | None) -> InForce:
    """What the settings mean here.

    Raises:
        ConfigInvalid: a group does not exist, or the environment names no usable hub.
    """
    api = settings.api
    socket_gid = _gid(api.socket_group)
    act_gid = _gid(api.act_group)
    return InForce(
        settings,
        hub_access(os.environ, stored_token) if settings.hub.lookup else None,
        socket_gid,
        next(gid for gid in (act_gid, socket_gid, os.getegid()) if gid is not None),
    )


def _gid(group: str | None) -> int | None:
    if group is None:
        return None
    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        raise ConfigInvalid(
            f"cannot give the control socket to the group {group}: there is no such group", "create it, or correct [api]"
        ) from None
