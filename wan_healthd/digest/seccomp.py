"""A filter of system calls: what the worker has no business with is refused with an error, never with a signal.

A list of what is forbidden, not of what is allowed: the worker is Python, its C library and two hash libraries, and whichever
calls their next versions make must not end all reading. What a list of this kind usually misses is covered: calls that are
newer than our list are not there (ENOSYS, as on an older kernel), and neither is any other architecture's table. The service
unit lays systemd's list of allowed calls on top.

Source: the kernel's Documentation/userspace-api/seccomp_filter.rst, include/uapi/linux/{seccomp,filter,audit}.h. The kernel
remembers which calls are always allowed (since 5.11), so that reading costs nothing more.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
import termios
from collections.abc import Sequence
from typing import Final, NamedTuple

from wan_healthd.digest import system_calls
from wan_healthd.digest.system_calls import Call
from wan_healthd.kernel.calls import checked, libc

PR_SET_SECCOMP: Final = 22
SECCOMP_MODE_FILTER: Final = 2

ALLOW: Final = 0x7FFF0000
REFUSE: Final = 0x00050000 | errno.EPERM
UNKNOWN: Final = 0x00050000 | errno.ENOSYS
"""SECCOMP_RET_ALLOW, and SECCOMP_RET_ERRNO with the error."""

LOAD: Final = 0x20
JUMP_IF_EQUAL: Final = 0x15
JUMP_IF_GREATER: Final = 0x25
JUMP_IF_ANY_BIT: Final = 0x45
RETURN: Final = 0x06
"""Of classic BPF: BPF_LD | BPF_W | BPF_ABS, BPF_JMP | BPF_J… | BPF_K, BPF_RET | BPF_K."""

NUMBER_AT: Final = 0
ARCHITECTURE_AT: Final = 4
FIRST_ARGUMENT_AT: Final = 16
ARGUMENT_BYTES: Final = 8
"""Of `struct seccomp_data`; the lower half of an argument comes first on both of our machines."""

WRITING: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
CLONE_THREAD: Final = 0x00010000
FIEMAP: Final = 0xC020660B
"""FS_IOC_FIEMAP: where on the disk a file lies."""

HARMLESS_REQUESTS: Final = (
    termios.FIOCLEX,
    termios.FIONCLEX,
    termios.FIONBIO,
    termios.FIONREAD,
    termios.TCGETS,
    FIEMAP,
)
"""Of ioctl; others change a file's attributes (FS_IOC_SETFLAGS) by a descriptor that is only open for reading."""


class Instruction(NamedTuple):
    """`struct sock_filter`: what to do, how many to skip if it is so or not so, and with which value."""

    code: int
    if_so: int
    if_not: int
    value: int


class Machine(NamedTuple):
    """An architecture that we have the numbers of: AUDIT_ARCH_…, and the field of `Call`."""

    architecture: int
    field: int


MACHINES: Final = {"x86_64": Machine(0xC000003E, 1), "aarch64": Machine(0xC00000B7, 2)}
"""By `os.uname().machine`."""


class _Program(ctypes.Structure):
    """`struct sock_fprog`."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def filter_calls() -> str:
    """Put the filter in force for the calling thread and all that it starts. Needs no_new_privs.

    Returns:
        What is in force.

    Raises:
        OSError: the kernel does not filter, or (ENOSYS) we do not know the machine's numbers.
    """
    name = os.uname().machine
    if name not in MACHINES or ctypes.sizeof(ctypes.c_void_p) != ARGUMENT_BYTES:
        raise OSError(errno.ENOSYS, f"the numbers of system calls on {name} are not known here")
    program = assemble(MACHINES[name], os.getpid())
    packed = b"".join(struct.pack("=HBBI", *instruction) for instruction in program)
    argument = ctypes.byref(_Program(len(program), packed))
    checked(libc.prctl(PR_SET_SECCOMP, ctypes.c_ulong(SECCOMP_MODE_FILTER), argument))
    return f"{len(program)} instructions refuse sockets, programs, writing and what else reading does not need"


def assemble(machine: Machine, pid: int) -> tuple[Instruction, ...]:
    """The filter for a process of number `pid`."""
    return (
        Instruction(LOAD, 0, 0, ARCHITECTURE_AT),
        Instruction(JUMP_IF_EQUAL, 1, 0, machine.architecture),
        _answer(REFUSE),
        Instruction(LOAD, 0, 0, NUMBER_AT),
        Instruction(JUMP_IF_GREATER, 0, 1, system_calls.NEWEST),  # also the x32 calls, which begin at 2**30
        _answer(UNKNOWN),
        *_always(machine, system_calls.FORBIDDEN, REFUSE),
        *_always(machine, system_calls.PASSING_A_STRUCTURE, UNKNOWN),
        *_unless(machine, system_calls.OPEN, 1, JUMP_IF_ANY_BIT, (WRITING,), if_so=REFUSE),
        *_unless(machine, system_calls.OPENAT, 2, JUMP_IF_ANY_BIT, (WRITING,), if_so=REFUSE),
        *_unless(machine, system_calls.CLONE, 0, JUMP_IF_ANY_BIT, (CLONE_THREAD,), if_so=ALLOW),
        *_unless(machine, system_calls.KILL, 0, JUMP_IF_EQUAL, (pid,), if_so=ALLOW),
        *_unless(machine, system_calls.TGKILL, 0, JUMP_IF_EQUAL, (pid,), if_so=ALLOW),
        *_unless(machine, system_calls.PRLIMIT, 0, JUMP_IF_EQUAL, (0, pid), if_so=ALLOW),
        *_unless(machine, system_calls.IOCTL, 1, JUMP_IF_EQUAL, HARMLESS_REQUESTS, if_so=ALLOW),
        _answer(ALLOW),
    )


def _always(machine: Machine, calls: Sequence[Call], answer: int) -> list[Instruction]:
    """One answer to each of these calls, whatever its arguments."""
    numbers = [number for call in calls if (number := call[machine.field]) is not None]
    return [part for number in numbers for part in (Instruction(JUMP_IF_EQUAL, 0, 1, int(number)), _answer(answer))]


def _unless(machine: Machine, call: Call, argument: int, test: int, values: Sequence[int], *, if_so: int) -> list[Instruction]:
    """`if_so` where the test holds for one of the values, else the opposite."""
    number = call[machine.field]
    if number is None:
        return []
    otherwise = REFUSE if if_so == ALLOW else ALLOW
    tests = [part for value in values for part in (Instruction(test, 0, 1, value), _answer(if_so))]
    body = [Instruction(LOAD, 0, 0, FIRST_ARGUMENT_AT + ARGUMENT_BYTES * argument), *tests, _answer(otherwise)]
    return [Instruction(JUMP_IF_EQUAL, 0, len(body), int(number)), *body]


def _answer(verdict: int) -> Instruction:
    return Instruction(RETURN, 0, 0, verdict)
