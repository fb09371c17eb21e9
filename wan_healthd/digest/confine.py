"""The worker's own prison: it parses what strangers wrote, and needs nothing but the descriptors that it is handed.

Four layers, outermost last; each is tried, and whoever asks is told which hold. None needs a privilege or systemd. An older
kernel, another machine, or a container that forbids one of them goes on without it.

No library: those on the package index wrap either Landlock or seccomp, none of both is maintained by those who make the
thing wrapped, and each call is one line of ctypes. See `system_calls` about libseccomp.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from errno import errorcode
from typing import Final

from wan_healthd.digest.landlock import forbid_changes
from wan_healthd.digest.seccomp import filter_calls
from wan_healthd.domain.confinement import Confinement, Layer
from wan_healthd.kernel.calls import checked, libc

PR_SET_NO_NEW_PRIVS: Final = 38
CAPABILITY_VERSION_3: Final = 0x20080522


class _CapabilityHeader(ctypes.Structure):
    """`cap_user_header_t` of capset(2); process 0 is the caller."""

    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


def confine() -> Confinement:
    """Give up, for good, all that reading does not need. Call it before there is any other thread."""
    return Confinement(
        (
            _layer("no-new-privileges", _take_no_privileges),
            _layer("no-capabilities", _drop_capabilities),
            _layer("landlock", forbid_changes),
            _layer("system-calls", filter_calls),
        )
    )


def _layer(name: str, put_in_force: Callable[[], str]) -> Layer:
    try:
        return Layer(name, in_force=True, detail=put_in_force())
    except OSError as error:
        code = errorcode.get(error.errno or 0, "EIO")
        return Layer(name, in_force=False, detail=f"not in force: {error.strerror} ({code})")


def _take_no_privileges() -> str:
    checked(libc.prctl(PR_SET_NO_NEW_PRIVS, *(ctypes.c_ulong(value) for value in (1, 0, 0, 0))))
    return "a program with a set-user-id bit or file capabilities gives none"


def _drop_capabilities() -> str:
    """Also those of root, who may run the daemon by hand, and those that a drop-in of the unit grants."""
    none = (ctypes.c_uint32 * 6)()
    checked(libc.capset(ctypes.byref(_CapabilityHeader(CAPABILITY_VERSION_3, 0)), none))
    return "none is held, and none is inherited"
