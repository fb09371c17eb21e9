"""The package's file tree: what of the checkout goes where."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

DOCUMENTS = "usr/share/doc/wan-healthd"
LIBRARY = "usr/lib/wan-healthd"

FILES = (
    ("systemd/wan-healthd.service", "usr/lib/systemd/system/wan-healthd.service"),
    ("systemd/wan-healthd.socket", "usr/lib/systemd/system/wan-healthd.socket"),
    ("systemd/user/wan-healthd.service", "usr/lib/systemd/user/wan-healthd.service"),
    ("systemd/wan-healthd.catalog", "usr/lib/systemd/catalog/wan-healthd.catalog"),
    ("systemd/wan-healthd.sysusers", "usr/lib/sysusers.d/wan-healthd.conf"),
    ("systemd/wan-healthd.tmpfiles", "usr/lib/tmpfiles.d/wan-healthd.conf"),
    # Everybody edits it, so everybody who upgrades would be asked about it if its text ever changed.
    ("packaging/deb/config.toml", "etc/wan-healthd/config.toml"),
    ("packaging/deb/lintian-overrides", "usr/share/lintian/overrides/wan-healthd"),
    ("README.md", f"{DOCUMENTS}/README.md"),
    ("config.example.toml", f"{DOCUMENTS}/examples/config.example.toml"),
)
"""From the checkout to the system. The preset is not among them: on Debian `postinst` enables the units."""

PROGRAMS = ("packaging/deb/wan-healthd.rtupdate", "usr/share/python3/runtime.d/wan-healthd.rtupdate")
EMPTY_FOLDERS = ("etc/wan-healthd/conf.d",)
COMPLETIONS = {
    "bash": "usr/share/bash-completion/completions/{program}",
    "zsh": "usr/share/zsh/vendor-completions/_{program}",
    "fish": "usr/share/fish/vendor_completions.d/{program}.fish",
}

LAUNCHER = """\
#!/usr/bin/python3 -IS
# -I and -S: neither the caller's environment nor other packages' modules have a say in what runs here, and it starts sooner.
import sys

sys.path.insert(0, "/{library}")
from {module} import {function}

sys.exit({function}())
"""


def stage(checkout: Path, root: Path, epoch: int) -> None:
    """Put everything below `root` but the library, the copyright and the changelog."""
    for source, target in FILES:
        put(root / target, (checkout / source).read_bytes())
    put(root / PROGRAMS[1], (checkout / PROGRAMS[0]).read_bytes(), mode=0o755)
    for folder in EMPTY_FOLDERS:
        (root / folder).mkdir(parents=True)
    for drop_in in sorted((checkout / "systemd" / "drop-ins").glob("*.conf")):
        put(root / DOCUMENTS / "examples" / "drop-ins" / drop_in.name, drop_in.read_bytes())
    with (checkout / "pyproject.toml").open("rb") as file:
        scripts: dict[str, str] = tomllib.load(file)["project"]["scripts"]
    for program, target in scripts.items():
        module, function = target.split(":")
        launcher = LAUNCHER.format(library=LIBRARY, module=module, function=function)
        put(root / "usr" / "bin" / program, launcher.encode(), mode=0o755)
        for shell, place in COMPLETIONS.items():
            said = _said(checkout, f"from {module} import {function}; raise SystemExit({function}(['completion', '{shell}']))")
            put(root / place.format(program=program), said)
    _stage_manual(checkout, root, epoch)


def _stage_manual(checkout: Path, root: Path, epoch: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-B", str(checkout / "packaging" / "man_pages.py"), folder]
        subprocess.run(command, env={**os.environ, "SOURCE_DATE_EPOCH": str(epoch)}, stdout=subprocess.DEVNULL, check=True)
        for page in Path(folder).iterdir():
            put_compressed(root / "usr" / "share" / "man" / f"man{page.name[-1]}" / f"{page.name}.gz", page.read_bytes())


def put(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Write a file and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(mode)


def put_compressed(path: Path, content: bytes) -> None:
    """Write a file as gzip with neither name nor time in it."""
    put(path, gzip.compress(content, mtime=0))


def settle(root: Path, epoch: int) -> None:
    """Give every file and folder the same modes and the same time, whoever builds and whenever."""
    for path in [root, *root.rglob("*")]:
        if path.is_symlink():
            continue
        executable = path.is_dir() or path.stat().st_mode & 0o100
        path.chmod(0o755 if executable else 0o644)
        os.utime(path, (epoch, epoch))


def _said(checkout: Path, program: str) -> bytes:
    """What a Python program prints that runs in the checkout."""
    return subprocess.run([sys.executable, "-B", "-c", program], cwd=checkout, stdout=subprocess.PIPE, check=True).stdout
