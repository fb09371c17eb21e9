"""Builds the Debian package; started by packaging/build-deb, or by any Python that has the project, pip and setuptools."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from hashlib import sha256
from pathlib import Path

import bundle
import control
import licences
import tree
import wheels

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parents[1]
CONSTRAINTS = CHECKOUT / "packaging" / "constraints.txt"
CACHE = CHECKOUT / ".venv" / "deb"
MAINTAINER = "wan-healthd maintainers <maintainers@wan-healthd.invalid>"
EXIT_FAILED = 6


def main() -> int:
    """Build, and check if asked to; prints the package's path."""
    options = _options()
    try:
        package = _build(options.arch, options.output)
    except (wheels.CannotBuild, subprocess.CalledProcessError, OSError) as error:
        print(f"build-deb: cannot build the package: {error}", file=sys.stderr)
        return EXIT_FAILED
    lint = _lint(package) if options.lint else 0
    print(package)
    return EXIT_FAILED if lint else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="build-deb", allow_abbrev=False)
    parser.add_argument("--output", type=Path, default=CHECKOUT / "dist")
    parser.add_argument("--arch", choices=sorted(wheels.MACHINES), default=None)
    parser.add_argument("--lint", action="store_true")
    options = parser.parse_args()
    options.arch = options.arch or _said("dpkg", "--print-architecture")
    return options


def _build(arch: str, output: Path) -> Path:
    if arch not in wheels.MACHINES:
        raise wheels.CannotBuild(f"there are no wheels for {arch}; name one of {', '.join(wheels.MACHINES)} with --arch")
    epoch, maintainer = _epoch(), _maintainer()
    names = [line for line in (HERE / "bundled.txt").read_text().splitlines() if line and not line.startswith("#")]
    found = wheels.fetch(names, CONSTRAINTS, arch, CACHE)
    with tempfile.TemporaryDirectory(prefix="wan-healthd-deb.") as work:
        own = wheels.build_own(CHECKOUT, Path(work))
        root = Path(work) / "root"
        parts = bundle.unpack([*found, own], root / tree.LIBRARY)
        version = next(str(part.metadata["Version"]) for part in parts if part.name == "wan-healthd")
        tree.stage(CHECKOUT, root, epoch)
        changes = control.changelog((CHECKOUT / "packaging" / "CHANGELOG.md").read_text(), maintainer, epoch)
        tree.put_compressed(root / tree.DOCUMENTS / "changelog.gz", changes.encode())
        tree.put(root / tree.DOCUMENTS / "copyright", licences.write(parts).encode())
        tree.put(root / tree.DOCUMENTS / "bundled.txt", "".join(map(_line, found)).encode())
        control.write(root, HERE, version, arch, maintainer)
        tree.settle(root, epoch)
        output.mkdir(parents=True, exist_ok=True)
        package = output.resolve() / f"wan-healthd_{version}_{arch}.deb"
        # Level 1 takes a sixth of the time that level 6 takes, and 6 MB for 5.
        command = ["dpkg-deb", "--root-owner-group", "-Zxz", "-z1", "--build", str(root), str(package)]
        subprocess.run(command, env={**os.environ, "SOURCE_DATE_EPOCH": str(epoch)}, stdout=subprocess.DEVNULL, check=True)
    return package


def _epoch() -> int:
    """The time that everything in the package has: SOURCE_DATE_EPOCH, else the last commit's, else the list of changes'."""
    stated = os.environ.get("SOURCE_DATE_EPOCH")
    if stated:
        return int(stated)
    try:
        return int(_said("git", "-C", str(CHECKOUT), "log", "-1", "--format=%ct"))
    except (OSError, subprocess.CalledProcessError):
        return int((CHECKOUT / "packaging" / "CHANGELOG.md").stat().st_mtime)


def _maintainer() -> str:
    name, address = os.environ.get("DEBFULLNAME"), os.environ.get("DEBEMAIL")
    return f"{name} <{address}>" if name and address else MAINTAINER


def _line(wheel: Path) -> str:
    return f"{sha256(wheel.read_bytes()).hexdigest()}  {wheel.name}\n"


def _lint(package: Path) -> int:
    command = ["lintian", "--allow-root", "--fail-on=error,warning", "--tag-display-limit=0", str(package)]
    return subprocess.run(command, check=False).returncode


def _said(*command: str) -> str:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True)
    return done.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
