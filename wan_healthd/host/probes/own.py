"""Our own process: who we are, what we may do, and what the system lets us try."""

from __future__ import annotations

import os
import platform
import resource
import sys
from collections.abc import Mapping
from importlib import metadata

from wan_healthd.domain.vitals import ProcessFacts
from wan_healthd.host.probes.attempts import cachestat, last_in_line, mincore, refusal
from wan_healthd.host.probes.roots import group_name, user_name
from wan_healthd.host.processor_use import ROOT_CGROUP_STAT, STAT

EVERYBODY = 0xFFFFFFFF
OURSELVES = "/proc/self/exe"


def examine(environ: Mapping[str, str]) -> ProcessFacts:
    """Our own process."""
    status = _status()
    niceness, idle_io = last_in_line()
    by_cachestat, by_mincore = _residency()
    return ProcessFacts(
        pid=os.getpid(),
        user=user_name(os.geteuid()),
        group=group_name(os.getegid()),
        uid=os.geteuid(),
        capabilities=int(status["CapEff"], 16) if "CapEff" in status else None,
        no_new_privileges=status["NoNewPrivs"] == "1" if "NoNewPrivs" in status else None,
        is_filtered=status["Seccomp"] == "2" if "Seccomp" in status else None,
        sees_all_users=_sees_all_users(),
        is_service=_is_service(environ),
        installed_version=_installed(),
        descriptors_limit=resource.getrlimit(resource.RLIMIT_NOFILE)[0],
        descriptors_open=len(os.listdir("/proc/self/fd")),
        niceness=niceness,
        idle_io=idle_io,
        cachestat=by_cachestat,
        mincore=by_mincore,
        processors=_refusal_of(STAT) and _refusal_of(ROOT_CGROUP_STAT),
        kernel=platform.release(),
        text_encoding=sys.getfilesystemencoding(),
    )


def _status() -> dict[str, str]:
    try:
        with open("/proc/self/status", encoding="ascii", errors="replace") as facts:
            return {key: value.strip() for key, _, value in (line.partition(":") for line in facts)}
    except OSError:
        return {}


def _sees_all_users() -> bool:
    """Whether every user has his own number here; where /proc does not tell, that is assumed."""
    try:
        with open("/proc/self/uid_map", encoding="ascii") as mapped:
            rows = [row.split() for row in mapped]
    except OSError:
        return True
    return [row for row in rows if row[:2] == ["0", "0"] and int(row[2]) >= EVERYBODY] != []


def _is_service(environ: Mapping[str, str]) -> bool:
    """Whether a service manager started this very process, rather than a shell below it (systemd.exec(5))."""
    return environ.get("SYSTEMD_EXEC_PID") == str(os.getpid()) or ("INVOCATION_ID" in environ and "NOTIFY_SOCKET" in environ)


def _installed() -> str | None:
    """The version on the disk, which is another one than ours after an upgrade without a restart."""
    try:
        return metadata.version("wan-healthd")
    except metadata.PackageNotFoundError:
        return None


def _refusal_of(path: str) -> str | None:
    try:
        with open(path, encoding="ascii") as facts:
            facts.readline()
    except OSError as error:
        return refusal(error.errno or 0)
    return None


def _residency() -> tuple[str | None, str | None]:
    """What the system says to asking what of a file is in memory: cachestat(2), mincore(2)."""
    try:
        descriptor = os.open(OURSELVES, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        return (refusal(error.errno or 0),) * 2
    try:
        refused = cachestat(descriptor)
        # EPERM for a file that is not ours is the kernel's own rule, not a ban of the call.
        return None if refused == "EPERM" and os.geteuid() else refused, mincore(descriptor)
    finally:
        os.close(descriptor)
