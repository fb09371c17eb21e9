"""Cures that several checks name, in one wording."""

from __future__ import annotations

from wan_healthd.domain.paths import display

EXAMPLES = "/usr/share/doc/wan-healthd/examples/drop-ins"
UNIT_FOLDER = "/etc/systemd/system/wan-healthd.service.d"
RESTART = "systemctl restart wan-healthd"


def drop_in(name: str) -> str:
    """How to put one of the shipped drop-ins in force."""
    place = f"`install -Dm644 -t {UNIT_FOLDER} {EXAMPLES}/{name}.conf`"
    return f"as a service: {place}, `systemctl daemon-reload`, `{RESTART}`"


def quoted(path: bytes) -> str:
    """A path as a shell takes it."""
    shown = display(path)
    plain = all(char.isalnum() or char in "/._-+@%:," for char in shown)
    return shown if plain else "'" + shown.replace("'", "'\\''") + "'"


def sysctl(key: str, value: int) -> str:
    """How to set a limit of the kernel, now and for good."""
    return f"`sysctl -w {key}={value}`; to keep it: `echo '{key}={value}' > /etc/sysctl.d/60-wan-healthd.conf`"
