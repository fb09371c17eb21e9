"""Landlock: from here on this process changes nothing in any file system and runs no program.

Source: the kernel's Documentation/userspace-api/landlock.rst and include/uapi/linux/landlock.h. A right that a rule set
handles and that no rule grants is denied everywhere. We handle all but reading, and grant nothing. What is open stays open.
"""

from __future__ import annotations

import ctypes
import os
from typing import Final

from wan_healthd.kernel.calls import checked, libc

CREATE_RULESET: Final = 444
RESTRICT_SELF: Final = 446
"""The same numbers on every architecture that Python runs on but alpha."""

CREATE_RULESET_VERSION: Final = 1
"""The flag that asks which ABI the kernel speaks."""

READING: Final = 1 << 2 | 1 << 3
"""LANDLOCK_ACCESS_FS_READ_FILE and _READ_DIR: Python imports modules late, and a file may have to be opened anew."""

FILE_RIGHTS: Final = {1: 13, 2: 14, 3: 15, 5: 16}
"""How many rights on files each ABI knows, numbered from bit 0: it began with 13, then came REFER, TRUNCATE, IOCTL_DEV."""

TCP_BIND_AND_CONNECT: Final = 0b11
TCP_SINCE: Final = 4
ABSTRACT_SOCKETS_AND_SIGNALS: Final = 0b11
SCOPES_SINCE: Final = 6


class _Ruleset(ctypes.Structure):
    """`struct landlock_ruleset_attr`; a kernel that knows only the beginning takes zeros behind it."""

    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scopes", ctypes.c_uint64))


def forbid_changes() -> str:
    """Put it in force for the calling thread and all that it starts. Needs no_new_privs or CAP_SYS_ADMIN.

    Returns:
        What is in force.

    Raises:
        OSError: ENOSYS or EOPNOTSUPP where the kernel does not have it or was started without it.
    """
    abi = _call(CREATE_RULESET, None, 0, CREATE_RULESET_VERSION)
    wanted = _ruleset(abi)
    ruleset = _call(CREATE_RULESET, ctypes.byref(wanted), ctypes.sizeof(wanted), 0)
    try:
        _call(RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)
    return f"no file or folder can be written, made, removed or run (ABI {abi})"


def _ruleset(abi: int) -> _Ruleset:
    """Everything that this ABI can deny."""
    count = max(rights for since, rights in FILE_RIGHTS.items() if since <= abi)
    return _Ruleset(
        files=((1 << count) - 1) & ~READING,
        network=TCP_BIND_AND_CONNECT if abi >= TCP_SINCE else 0,
        scopes=ABSTRACT_SOCKETS_AND_SIGNALS if abi >= SCOPES_SINCE else 0,
    )


def _call(number: int, *arguments: object) -> int:
    """A system call; its integers are as wide as a register, which ctypes does not assume."""
    wide = (ctypes.c_long(value) if isinstance(value, int) else value for value in arguments)
    return checked(libc.syscall(ctypes.c_long(number), *wide))
