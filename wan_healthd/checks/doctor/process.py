"""The daemon's own process: version, rights, limits, and who started it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from wan_healthd.checks.doctor.cures import RESTART, UNIT_FOLDER
from wan_healthd.domain.doctor import Diagnosis, idle, ok, problem, warning
from wan_healthd.domain.vitals import ProcessFacts

FEW_DESCRIPTORS = 512
MOST_USED = 0.8
OLDEST_KERNEL = (5, 6)
"""openat2(2), by which files are opened without following links out of a root."""


def check(facts: ProcessFacts, running_version: str) -> Iterator[Diagnosis]:
    """Everything about the process."""
    yield _version(facts, running_version)
    yield _service(facts)
    yield _descriptors(facts)
    yield _priorities(facts)
    yield _residency(facts)
    yield _processors(facts)
    yield _kernel(facts)
    yield _text(facts)


def _version(facts: ProcessFacts, running: str) -> Diagnosis:
    if facts.installed_version is None:
        return idle("package", f"{running}, not from an installed package")
    if facts.installed_version != running:
        return warning("package", f"{running} runs, but {facts.installed_version} is installed", f"`{RESTART}`")
    return ok("package", f"{running}, as installed")


def _service(facts: ProcessFacts) -> Diagnosis:
    who = f"process {facts.pid} of {facts.user}:{facts.group}"
    if not facts.sees_all_users:
        return _foreign_users(who, is_service=facts.is_service)
    if not facts.is_service:
        return ok("service", f"{who}, not started by systemd: nothing restarts or confines it, which is fine for a try")
    guards = (("NoNewPrivileges", facts.no_new_privileges), ("SystemCallFilter", facts.is_filtered))
    loose = [name for name, is_held in guards if not is_held]
    if facts.uid == 0:
        loose.append("User")
    if loose:
        return warning(
            "service",
            f"{who}, started by systemd, but not as the unit that is shipped: {', '.join(loose)} not in force",
            "compare with `systemctl cat wan-healthd` and `systemd-delta`; `systemctl revert wan-healthd` takes changes back",
        )
    return ok("service", f"{who}, started by systemd and confined by its unit")


def _foreign_users(who: str, *, is_service: bool) -> Diagnosis:
    told = f"{who} lives in a user namespace: every other user appears as `nobody`"
    if not is_service:
        return warning("service", told, "run it outside, if that matters")
    cure = f"PrivateUsers=no in a drop-in ({UNIT_FOLDER}/users.conf), `systemctl daemon-reload`, `{RESTART}`"
    return problem("service", f"{told}, and access by group fails", cure)


def _descriptors(facts: ProcessFacts) -> Diagnosis:
    told = f"{facts.descriptors_open} open, {facts.descriptors_limit} may be"
    if facts.descriptors_open > facts.descriptors_limit * MOST_USED or facts.descriptors_limit < FEW_DESCRIPTORS:
        cure = f"LimitNOFILE=16384 in a drop-in ({UNIT_FOLDER}/limits.conf), or `ulimit -n 16384` before it is started"
        return warning("descriptors", f"{told}: connections and reads may be refused", cure)
    return ok("descriptors", told)


def _priorities(facts: ProcessFacts) -> Diagnosis:
    lacking = [f"{what} ({no})" for what, no in (("niceness", facts.niceness), ("idle I/O", facts.idle_io)) if no is not None]
    if lacking:
        return warning(
            "priorities",
            f"it may not lower its own priority: {', '.join(lacking)}; a sweep competes with others",
            "leave @resources in SystemCallFilter=, as the shipped unit does (`systemctl cat wan-healthd`)",
        )
    return ok("priorities", "it may step back behind everybody else, for processor and disk")


def _residency(facts: ProcessFacts) -> Diagnosis:
    if facts.cachestat is not None and facts.mincore is not None:
        return warning(
            "page-cache",
            f"nobody tells what of a file is in memory (cachestat: {facts.cachestat}, mincore: {facts.mincore})",
            "allow mincore in SystemCallFilter=, as the shipped unit does",
        )
    return ok("page-cache", f"{'cachestat' if facts.cachestat is None else 'mincore'} tells what of a file is in memory")


def _processors(facts: ProcessFacts) -> Diagnosis:
    if facts.processors is None:
        return ok("processors", "the system tells what others use of the processors")
    told = f"nobody tells what others use of the processors ({facts.processors}): sweeps do not slow down beside who computes"
    return warning("processors", told, "ProcSubset=all, as in the shipped unit")


def _kernel(facts: ProcessFacts) -> Diagnosis:
    numbers = re.match(r"(\d+)\.(\d+)", facts.kernel)
    if numbers is not None and (int(numbers[1]), int(numbers[2])) < OLDEST_KERNEL:
        return warning(
            "kernel", f"Linux {facts.kernel} is older than 5.6: paths are guarded in a slower way", "upgrade the kernel"
        )
    return ok("kernel", f"Linux {facts.kernel}")


def _text(facts: ProcessFacts) -> Diagnosis:
    if facts.text_encoding.replace("-", "").lower() != "utf8":
        return warning(
            "locale",
            f"names of files are taken for {facts.text_encoding}, not UTF-8",
            "Environment=LC_ALL=C.UTF-8 in a drop-in, or in the shell that starts it",
        )
    return ok("locale", "names of files are UTF-8")
