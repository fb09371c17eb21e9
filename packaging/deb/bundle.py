"""Unpacks the wheels into one folder, without what only builders and type checkers need."""

from __future__ import annotations

import re
from email.message import Message
from email.parser import Parser
from pathlib import Path
from zipfile import ZipFile

from wheels import CannotBuild

LEFT_OUT = re.compile(
    r"""
      \.(?:pyx|pxd|pxi|pyi|h|c)$ | (?:^|/)py\.typed$    # for builders and type checkers
    | (?:^|/)_testcapi\.                                # multidict's own tests
    | ^example\.py$                                     # nvidia-ml-py's, on the top level
    | ^wan_healthd-[^/]*\.data/                         # files beside the modules: tree.py puts them where Debian has them
    | \.dist-info/(?:RECORD|WHEEL|top_level\.txt)$      # for pip, which has no business here
    """,
    re.VERBOSE,
)
LICENCE = re.compile(r"\.dist-info/(?:licenses/.*)?(?:LICEN[CS]E|NOTICE|COPYING|AUTHORS)[^/]*$", re.IGNORECASE)
"""Goes into the package's `copyright`."""

STATED_IN_SOURCE = {"pynvml.py": re.compile(r"\A(?:#.*\n)+")}
"""Modules whose licence stands at their head and nowhere else."""


class Part:
    """One distribution inside the package.

    Attributes:
        wheels: the file names that it came from, one for each Python if it holds extension modules.
        places: top-level names of what it holds, without its `.dist-info`.
        licences: licence, notice and authors' files by name.
    """

    def __init__(self, metadata: Message) -> None:
        self.metadata = metadata
        self.wheels: list[str] = []
        self.places: set[str] = set()
        self.licences: dict[str, str] = {}

    @property
    def name(self) -> str:
        """The distribution's name."""
        return str(self.metadata["Name"])


def unpack(wheels: list[Path], library: Path) -> list[Part]:
    """Unpack all into `library`; returns what is inside, by name.

    Raises:
        CannotBuild: two wheels differ in a file that both hold, or one wants to install outside of its package.
    """
    parts: dict[str, Part] = {}
    for wheel in wheels:
        with ZipFile(wheel) as archive:
            metadata = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
            described = Parser().parsestr(archive.read(metadata).decode())
            part = parts.setdefault(str(described["Name"]), Part(described))
            part.wheels.append(wheel.name)
            for name in archive.namelist():
                _unpack(archive, name, part, library)
    return sorted(parts.values(), key=lambda part: part.name.lower())


def _unpack(archive: ZipFile, name: str, part: Part, library: Path) -> None:
    if name.endswith("/") or LEFT_OUT.search(name):
        return
    content = archive.read(name)
    if LICENCE.search(name):
        part.licences[name.split(".dist-info/", 1)[1].removeprefix("licenses/")] = content.decode()
        return
    if name in STATED_IN_SOURCE and (head := STATED_IN_SOURCE[name].search(content.decode())):
        part.licences[name] = re.sub(r"(?m)^#+ ?", "", head[0])
    top = name.split("/", 1)[0]
    if top.endswith(".data"):
        raise CannotBuild(f"{archive.filename} installs {name} outside of its package; bundle.py does not know where")
    if not top.endswith(".dist-info"):
        part.places.add(top)
    target = library / name
    if target.exists() and target.read_bytes() != content:
        raise CannotBuild(f"two wheels of {part.name} have different {name}: one folder cannot serve both Pythons")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
