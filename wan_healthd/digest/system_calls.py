"""The system calls that the worker has no business with, by what they are for, with their numbers.

A file of numbers, since libseccomp, which could look the names up, is not there for everybody who installs us with pip, and
its version in Debian 12 does not know the calls of later kernels. The tests compare each entry with libseccomp's own tables.
Numbers above 423 are the same on all architectures. Source: the kernel's arch/x86/entry/syscalls/syscall_64.tbl and
include/uapi/asm-generic/unistd.h (aarch64).
"""

from __future__ import annotations

from typing import Final, NamedTuple

NEWEST: Final = 469
"""`file_setattr` of Linux 6.17: nobody here has judged what came later."""


class Call(NamedTuple):
    """A system call; None where an architecture does without it."""

    name: str
    x86_64: int | None
    aarch64: int | None


REACHING_OTHERS: Final = (
    Call("socket", 41, 198),
    Call("socketpair", 53, 199),
    Call("connect", 42, 203),
    Call("bind", 49, 200),
    Call("listen", 50, 201),
    Call("accept", 43, 202),
    Call("accept4", 288, 242),
    Call("shmget", 29, 194),
    Call("shmat", 30, 196),
    Call("shmctl", 31, 195),
    Call("semget", 64, 190),
    Call("semctl", 66, 191),
    Call("msgget", 68, 186),
    Call("msgsnd", 69, 189),
    Call("msgctl", 71, 187),
    Call("mq_open", 240, 180),
    Call("mq_unlink", 241, 181),
)
"""New sockets and shared memory. The one socket that the worker has goes on working."""

STARTING_PROGRAMS: Final = (
    Call("fork", 57, None),
    Call("vfork", 58, None),
    Call("execve", 59, 221),
    Call("execveat", 322, 281),
)
"""`clone` is there for threads alone (see `seccomp`)."""

CHANGING_FILES: Final = (
    Call("creat", 85, None),
    Call("truncate", 76, 45),
    Call("ftruncate", 77, 46),
    Call("fallocate", 285, 47),
    Call("mkdir", 83, None),
    Call("mkdirat", 258, 34),
    Call("mknod", 133, None),
    Call("mknodat", 259, 33),
    Call("rmdir", 84, None),
    Call("unlink", 87, None),
    Call("unlinkat", 263, 35),
    Call("rename", 82, None),
    Call("renameat", 264, 38),
    Call("renameat2", 316, 276),
    Call("link", 86, None),
    Call("linkat", 265, 37),
    Call("symlink", 88, None),
    Call("symlinkat", 266, 36),
    Call("chmod", 90, None),
    Call("fchmod", 91, 52),
    Call("fchmodat", 268, 53),
    Call("fchmodat2", 452, 452),
    Call("chown", 92, None),
    Call("fchown", 93, 55),
    Call("lchown", 94, None),
    Call("fchownat", 260, 54),
    Call("utime", 132, None),
    Call("utimes", 235, None),
    Call("futimesat", 261, None),
    Call("utimensat", 280, 88),
    Call("setxattr", 188, 5),
    Call("lsetxattr", 189, 6),
    Call("fsetxattr", 190, 7),
    Call("setxattrat", 463, 463),
    Call("removexattr", 197, 14),
    Call("lremovexattr", 198, 15),
    Call("fremovexattr", 199, 16),
    Call("removexattrat", 466, 466),
    Call("file_setattr", 469, 469),
)
"""Landlock leaves mode, owner, times and attributes alone, which need no more than a descriptor opened for reading."""

TOUCHING_PROCESSES: Final = (
    Call("ptrace", 101, 117),
    Call("process_vm_readv", 310, 270),
    Call("process_vm_writev", 311, 271),
    Call("process_madvise", 440, 440),
    Call("process_mrelease", 448, 448),
    Call("pidfd_getfd", 438, 438),
    Call("pidfd_send_signal", 424, 424),
    Call("kcmp", 312, 272),
    Call("tkill", 200, 130),
    Call("rt_sigqueueinfo", 129, 138),
    Call("rt_tgsigqueueinfo", 297, 240),
    Call("move_pages", 279, 239),
    Call("migrate_pages", 256, 238),
)
"""Other processes of our user: the daemon is one."""

CHANGING_THE_SYSTEM: Final = (
    Call("mount", 165, 40),
    Call("umount2", 166, 39),
    Call("pivot_root", 155, 41),
    Call("chroot", 161, 51),
    Call("move_mount", 429, 429),
    Call("open_tree", 428, 428),
    Call("open_tree_attr", 467, 467),
    Call("fsopen", 430, 430),
    Call("fsconfig", 431, 431),
    Call("fsmount", 432, 432),
    Call("fspick", 433, 433),
    Call("mount_setattr", 442, 442),
    Call("unshare", 272, 97),
    Call("setns", 308, 268),
    Call("setuid", 105, 146),
    Call("setgid", 106, 144),
    Call("setreuid", 113, 145),
    Call("setregid", 114, 143),
    Call("setresuid", 117, 147),
    Call("setresgid", 119, 149),
    Call("setgroups", 116, 159),
    Call("setfsuid", 122, 151),
    Call("setfsgid", 123, 152),
    Call("init_module", 175, 105),
    Call("finit_module", 313, 273),
    Call("delete_module", 176, 106),
    Call("kexec_load", 246, 104),
    Call("kexec_file_load", 320, 294),
    Call("reboot", 169, 142),
    Call("swapon", 167, 224),
    Call("swapoff", 168, 225),
    Call("acct", 163, 89),
    Call("quotactl", 179, 60),
    Call("quotactl_fd", 443, 443),
    Call("settimeofday", 164, 170),
    Call("clock_settime", 227, 112),
    Call("clock_adjtime", 305, 266),
    Call("adjtimex", 159, 171),
    Call("sethostname", 170, 161),
    Call("setdomainname", 171, 162),
    Call("syslog", 103, 116),
    Call("vhangup", 153, 58),
    Call("iopl", 172, None),
    Call("ioperm", 173, None),
    Call("modify_ldt", 154, None),
    Call("personality", 135, 92),
    Call("lsm_set_self_attr", 460, 460),
)
"""All but the name spaces need a capability, which the worker does not have either."""

WIDENING_THE_ATTACK: Final = (
    Call("io_uring_setup", 425, 425),
    Call("io_uring_enter", 426, 426),
    Call("io_uring_register", 427, 427),
    Call("bpf", 321, 280),
    Call("perf_event_open", 298, 241),
    Call("userfaultfd", 323, 282),
    Call("keyctl", 250, 219),
    Call("add_key", 248, 217),
    Call("request_key", 249, 218),
    Call("fanotify_init", 300, 262),
    Call("open_by_handle_at", 304, 265),
)
"""Large doors into the kernel that reading a file does not need; io_uring also gets round every other entry here."""

FORBIDDEN: Final = (
    *REACHING_OTHERS,
    *STARTING_PROGRAMS,
    *CHANGING_FILES,
    *TOUCHING_PROCESSES,
    *CHANGING_THE_SYSTEM,
    *WIDENING_THE_ATTACK,
)
"""Refused with EPERM."""

PASSING_A_STRUCTURE: Final = (Call("clone3", 435, 435), Call("openat2", 437, 437))
"""What they do stands in memory, where a filter cannot look: ENOSYS, upon which a C library takes the older call."""

OPEN: Final = Call("open", 2, None)
OPENAT: Final = Call("openat", 257, 56)
CLONE: Final = Call("clone", 56, 220)
KILL: Final = Call("kill", 62, 129)
TGKILL: Final = Call("tgkill", 234, 131)
PRLIMIT: Final = Call("prlimit64", 302, 261)
IOCTL: Final = Call("ioctl", 16, 29)

JUDGED_BY_ARGUMENT: Final = (OPEN, OPENAT, CLONE, KILL, TGKILL, PRLIMIT, IOCTL)
"""Allowed for some arguments (see `seccomp`)."""
