"""The filter itself, for both machines: run by a model of the kernel's own interpreter, with numbers from libseccomp."""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Callable, Mapping, Sequence

import pytest

from wan_healthd.digest import system_calls
from wan_healthd.digest.seccomp import (
    ALLOW,
    ARCHITECTURE_AT,
    FIRST_ARGUMENT_AT,
    JUMP_IF_ANY_BIT,
    JUMP_IF_EQUAL,
    JUMP_IF_GREATER,
    LOAD,
    MACHINES,
    NUMBER_AT,
    RETURN,
    Machine,
    assemble,
)
from wan_healthd.digest.system_calls import FORBIDDEN, JUDGED_BY_ARGUMENT, NEWEST, PASSING_A_STRUCTURE, Call

PID = 4711
LONGEST_PROGRAM = 4096
FIRST_COMMON_NUMBER = 424
AARCH32, X32_READ = 0x40000028, 0x40000000
NEEDED = ("read", "pread64", "preadv", "recvmsg", "sendto", "futex", "mmap", "munmap", "fstat", "close", "ppoll", "exit_group")

TESTS: Mapping[int, Callable[[int, int], bool]] = {
    JUMP_IF_EQUAL: lambda value, operand: value == operand,
    JUMP_IF_GREATER: lambda value, operand: value > operand,
    JUMP_IF_ANY_BIT: lambda value, operand: bool(value & operand),
}


def verdict(machine: Machine, number: int, arguments: Sequence[int] = (), architecture: int | None = None) -> str:
    """What the kernel would say to this call: "allowed", or the error's name."""
    data = {NUMBER_AT: number, ARCHITECTURE_AT: machine.architecture if architecture is None else architecture}
    data |= {FIRST_ARGUMENT_AT + 8 * place: value & 0xFFFFFFFF for place, value in enumerate((*arguments, 0, 0, 0, 0, 0, 0))}
    program, place, accumulator = assemble(machine, PID), 0, 0
    while program[place].code != RETURN:
        code, if_so, if_not, value = program[place]
        if code == LOAD:
            accumulator = data[value]
        else:
            place += if_so if TESTS[code](accumulator, value) else if_not
        place += 1
    answer = program[place].value
    return "allowed" if answer == ALLOW else errno.errorcode[answer & 0xFFFF]


def number_of(call: Call, machine: Machine) -> int | None:
    return call[machine.field]  # type: ignore[return-value]


@pytest.fixture(params=MACHINES, ids=list(MACHINES))
def machine(request: pytest.FixtureRequest) -> Machine:
    return MACHINES[request.param]


@pytest.fixture(scope="module")
def libseccomp() -> ctypes.CDLL:
    try:
        return ctypes.CDLL("libseccomp.so.2")
    except OSError:
        pytest.skip("libseccomp2 is not installed: packaging/check --system installs it, with systemd")


def resolve(libseccomp: ctypes.CDLL, machine: Machine, name: str) -> int:
    """The number; negative where the machine, or the library, does not know the call."""
    return int(libseccomp.seccomp_syscall_resolve_name_arch(ctypes.c_uint32(machine.architecture), name.encode()))


def test_the_numbers_are_those_of_libseccomp(machine: Machine, libseccomp: ctypes.CDLL) -> None:
    wrong = []
    for call in (*FORBIDDEN, *PASSING_A_STRUCTURE, *JUDGED_BY_ARGUMENT):
        found, stated = resolve(libseccomp, machine, call.name), number_of(call, machine)
        is_too_new = found < 0 and stated is not None and stated >= FIRST_COMMON_NUMBER and call.x86_64 == call.aarch64
        if not is_too_new and stated != (found if found >= 0 else None):
            wrong.append(f"{call}: {found}")
    assert wrong == []


def test_no_call_stands_there_twice() -> None:
    names = [call.name for call in (*FORBIDDEN, *PASSING_A_STRUCTURE, *JUDGED_BY_ARGUMENT)]
    assert len(names) == len(set(names))


def test_exactly_what_is_named_is_refused(machine: Machine) -> None:
    refused = {number_of(call, machine) for call in FORBIDDEN}
    unknown = {number_of(call, machine) for call in PASSING_A_STRUCTURE}
    judged = {number_of(call, machine) for call in JUDGED_BY_ARGUMENT}
    for number in sorted(set(range(NEWEST + 1)) - judged):
        expected = "EPERM" if number in refused else "ENOSYS" if number in unknown else "allowed"
        assert verdict(machine, number) == expected, number


def test_what_reading_takes_is_allowed(machine: Machine, libseccomp: ctypes.CDLL) -> None:
    assert {verdict(machine, resolve(libseccomp, machine, name)) for name in NEEDED} == {"allowed"}


def test_what_nobody_here_knows_is_not_there(machine: Machine) -> None:
    assert {verdict(machine, number) for number in (NEWEST + 1, 10_000, X32_READ, 0xFFFFFFFF)} == {"ENOSYS"}
    assert verdict(machine, 0, architecture=AARCH32) == "EPERM"


@pytest.mark.parametrize(
    ("call", "arguments", "expected"),
    [
        (system_calls.OPENAT, (0, 0, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "allowed"),
        (system_calls.OPENAT, (0, 0, os.O_WRONLY), "EPERM"),
        (system_calls.OPENAT, (0, 0, os.O_RDWR), "EPERM"),
        (system_calls.OPENAT, (0, 0, os.O_RDONLY | os.O_CREAT), "EPERM"),
        (system_calls.OPENAT, (0, 0, os.O_RDONLY | os.O_TRUNC), "EPERM"),
        (system_calls.OPEN, (0, os.O_RDONLY), "allowed"),
        (system_calls.OPEN, (0, os.O_WRONLY), "EPERM"),
        (system_calls.CLONE, (0x3D0F00,), "allowed"),  # what pthread_create asks for
        (system_calls.CLONE, (0x1200011,), "EPERM"),  # what fork asks for
        (system_calls.KILL, (PID, 9), "allowed"),
        (system_calls.KILL, (1, 9), "EPERM"),
        (system_calls.KILL, (-1, 9), "EPERM"),
        (system_calls.TGKILL, (PID, PID + 1, 6), "allowed"),
        (system_calls.TGKILL, (1, 1, 6), "EPERM"),
        (system_calls.PRLIMIT, (0, 7), "allowed"),
        (system_calls.PRLIMIT, (PID, 7), "allowed"),
        (system_calls.PRLIMIT, (1, 7), "EPERM"),
        (system_calls.IOCTL, (3, 0x5401), "allowed"),  # TCGETS
        (system_calls.IOCTL, (3, 0xC020660B), "allowed"),  # FS_IOC_FIEMAP
        (system_calls.IOCTL, (3, 0x40086602), "EPERM"),  # FS_IOC_SETFLAGS
        (system_calls.IOCTL, (3, 0x5412), "EPERM"),  # TIOCSTI, which types into a terminal
    ],
)
def test_some_depend_on_what_is_asked(machine: Machine, call: Call, arguments: tuple[int, ...], expected: str) -> None:
    number = number_of(call, machine)
    if number is not None:  # a machine without open(2) has openat(2)
        assert verdict(machine, number, arguments) == expected


def test_the_kernel_would_take_it(machine: Machine) -> None:
    program = assemble(machine, PID)
    assert len(program) < LONGEST_PROGRAM
    assert all(0 <= part.if_so < 256 and 0 <= part.if_not < 256 and 0 <= part.value < 1 << 32 for part in program)
