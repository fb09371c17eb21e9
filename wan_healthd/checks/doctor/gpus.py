"""Graphics processors: sweeps make way while one computes, as far as it tells."""

from __future__ import annotations

from collections.abc import Iterator

from wan_healthd.checks.doctor.cures import RESTART, drop_in
from wan_healthd.domain.doctor import Diagnosis, idle, ok, warning
from wan_healthd.domain.gpus import GpuFacts, GpuReading, GpuRefusal

GPU = "gpu"
NONE_HERE = "there is none here, or none to be seen from within the service; models are checked without one"

NO_DRIVER = "NVIDIA: its driver is not loaded, so nobody computes with it here"
ANNOUNCE = "sweeps make way for what `healthctl generation` announces"

REFUSALS: dict[GpuRefusal, tuple[str, str]] = {
    GpuRefusal.NO_NODES: (
        "its driver is loaded, but there is no device node in /dev",
        f"`nvidia-modprobe -c 0` makes them, nvidia-persistenced does at each boot; then `{RESTART}`",
    ),
    GpuRefusal.CLOSED: ("the service may not open {words}", drop_in("gpu")),
    GpuRefusal.NO_PERMISSION: (
        "the daemon may not open a device node: {words}",
        f"`systemctl edit wan-healthd`, there under [Service] SupplementaryGroups=GROUP with that group; then `{RESTART}`",
    ),
    GpuRefusal.NO_MODULE: ("{words}", f"`pip install nvidia-ml-py` where the daemon is installed; then `{RESTART}`"),
    GpuRefusal.NO_LIBRARY: (
        "the driver's library libnvidia-ml.so.1 is not found",
        "install it in the driver's version (Debian: `apt install libnvidia-ml1`)",
    ),
    GpuRefusal.MISMATCH: (
        "the driver's library and the driver that is loaded differ in version, as after an upgrade",
        "restart the machine, or load the driver anew",
    ),
    GpuRefusal.HANGS: (
        "its driver does not come back from a call",
        "see what `journalctl -k --grep=NVRM` says; only a restart of the machine may end it",
    ),
    GpuRefusal.OTHER: ("the driver says: {words}", "see whether `nvidia-smi` works, and what `journalctl -k --grep=NVRM` says"),
}


def check(facts: GpuFacts) -> Diagnosis:
    """Having none is normal, and so is one without a driver: nobody computes with it here."""
    told = list(_told(facts))
    if facts.refusal is GpuRefusal.NO_DRIVER:
        return idle(GPU, "; ".join([*told, NO_DRIVER]))
    if facts.refusal is not None:
        found, cure = REFUSALS[facts.refusal]
        return warning(GPU, "; ".join([*told, f"NVIDIA cannot be asked: {found.format(words=facts.words)}"]), cure)
    if any(reading.busy_percent is not None for reading in (*facts.nvidia, *facts.amd)):
        return ok(GPU, "; ".join(told))
    return idle(GPU, "; ".join([*told, ANNOUNCE]) if told else NONE_HERE)


def _told(facts: GpuFacts) -> Iterator[str]:
    """Each, also what tells nothing."""
    yield from (_use(reading) for reading in facts.nvidia)
    if facts.driver is not None:
        yield f"NVIDIA's driver {facts.driver}" + ("" if facts.nvidia else " has no device")
    if facts.is_asleep:
        yield "NVIDIA: powered down, and not woken to be asked"
    yield from (_use(reading) for reading in facts.amd)
    silent = {"Intel"} if facts.amd else {"Intel", "AMD"}
    yield from (f"{vendor}: does not tell how busy it is" for vendor in sorted(silent.intersection(facts.on_bus)))


def _use(reading: GpuReading) -> str:
    told = "does not tell how busy it is" if reading.busy_percent is None else f"{reading.busy_percent} % busy"
    return f"{reading.name}: {told}"
