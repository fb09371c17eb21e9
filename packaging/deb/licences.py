"""Writes `copyright`, in Debian's machine-readable form, from the licence files that the wheels hold."""

from __future__ import annotations

import re

from bundle import Part

HEADER = """\
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: wan-healthd
Comment: What lies below usr/lib/wan-healthd beside wan_healthd itself was published by others, as wheels, and is included
 as it was published; bundled.txt beside this file has the names and digests of the wheels. Extension modules may hold libraries
 that were compiled in, under licences of the same kind; what their publishers say of these stands below.
"""
NONE_STATED = "Its authors have stated no licence: nothing is permitted that the law does not permit by itself."
HOLDER = re.compile(
    r"^[^\w(©]*(?:Copyright(?: ©| \([cC]\))?|.*\([cC]\)|©) +(?!notice|owner|holder|license|You must)(\w.*)$", re.MULTILINE
)
APACHE = re.compile(
    r"^[ \t]*Apache License\s+Version 2\.0, January 2004\b.*?(?:END OF TERMS AND CONDITIONS|\Z)"
    r"(?:\s*APPENDIX: How to apply.*?limitations under the License\.)?",
    re.DOTALL | re.MULTILINE,
)
APACHE_INSTEAD = "On Debian systems /usr/share/common-licenses/Apache-2.0 has the text of the Apache License, Version 2.0."
CLASSIFIER = "License :: OSI Approved :: "
DEBIAN_NAMES = {"MIT": "Expat", "MIT License": "Expat", "Apache 2.0": "Apache-2.0", "BSD": "BSD-3-Clause"}


def write(parts: list[Part]) -> str:
    """The whole file; what is said of everything comes first, since the last that fits a file holds."""
    return "\n".join([HEADER, *map(_paragraph, sorted(parts, key=lambda part: not _is_own(part)))])


def _is_own(part: Part) -> bool:
    return part.name == "wan-healthd"


def _paragraph(part: Part) -> str:
    places = [f"usr/lib/wan-healthd/{place}" + ("" if place.endswith(".py") else "/*") for place in sorted(part.places)]
    holders = sorted({holder.rstrip(" .,") for text in part.licences.values() for holder in HOLDER.findall(text)})
    fields = [
        "Files: " + ("*" if _is_own(part) else " ".join(places)),
        "Copyright: " + "\n           ".join(holders or [f"the authors of {part.name}"]),
        f"License: {_short_name(part)}",
        *(_indented(line) for line in _text(part).splitlines()),
    ]
    return "\n".join(fields) + "\n"


def _short_name(part: Part) -> str:
    classifiers: list[str] = part.metadata.get_all("Classifier", [])
    classified = next((line.removeprefix(CLASSIFIER) for line in classifiers if line.startswith(CLASSIFIER)), "none stated")
    stated = str(part.metadata["License-Expression"] or part.metadata["License"] or classified)
    words = (DEBIAN_NAMES.get(word, word.replace(" ", "-")) for word in re.split(r" (?:AND|OR) ", stated))
    return (" or " if " OR " in stated else " and ").join(words)


def _text(part: Part) -> str:
    texts = [f"{name}:\n\n{APACHE.sub(APACHE_INSTEAD, text).strip()}" for name, text in sorted(part.licences.items())]
    return "\n\n".join(texts) or NONE_STATED


def _indented(line: str) -> str:
    return f" {line.rstrip()}" if line.strip() else " ."
