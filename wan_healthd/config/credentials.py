"""The hub token where it lies in a file: handed in by the service manager, or left by `hf auth login`. Read once, never logged.

The environment's HF_TOKEN comes before both: whoever sets it says so for this very run, and so does the hub's own client. The
service manager's credential comes next (LoadCredential=hf-token), then the client's own file.
Sources: systemd.exec(5), CREDENTIALS_DIRECTORY; huggingface_hub 2.4.0, `constants.py` and `utils/_auth.py`.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Mapping

from msgspec import Struct

from wan_healthd.domain.paths import display

CREDENTIAL = "hf-token"
MOST_BYTES = 4096
"""A token has 37 characters."""


class StoredToken(Struct, frozen=True):
    """What the files say: the token, or why the first of them that is there cannot be used. Both None where none is there."""

    value: str | None = None
    complaint: str | None = None


def stored_token(environ: Mapping[str, str]) -> StoredToken:
    """The token of the first file that is there. Nothing raises: without a token the hub is asked as a stranger."""
    for path in _places(environ):
        try:
            return _judged(_first_line(path), path)
        except FileNotFoundError:
            continue
        except OSError as error:
            return _unusable(path, error.strerror or str(error))
    return StoredToken()


def _places(environ: Mapping[str, str]) -> tuple[str, ...]:
    credentials = environ.get("CREDENTIALS_DIRECTORY")
    home = environ.get("HF_HOME") or os.path.join(environ.get("XDG_CACHE_HOME") or "~/.cache", "huggingface")
    own = os.path.expanduser(environ.get("HF_TOKEN_PATH") or os.path.join(home, "token"))
    return (*((os.path.join(credentials, CREDENTIAL),) if credentials else ()), own)


def _first_line(path: str) -> bytes:
    """Without waiting for a FIFO, and no more than any token has."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "it is no regular file")
        line, end, _rest = os.read(descriptor, MOST_BYTES).partition(b"\n")
        if not end and len(line) == MOST_BYTES:
            raise OSError(errno.EFBIG, "its first line is longer than any token")
        return line.strip()
    finally:
        os.close(descriptor)


def _judged(line: bytes, path: str) -> StoredToken:
    if not line:
        return _unusable(path, "its first line is empty")
    text = line.decode("ascii", "replace")
    if not (text.isprintable() and text.isascii()) or " " in text:
        return _unusable(path, "its first line holds characters that no token has")
    return StoredToken(text)


def _unusable(path: str, why: str) -> StoredToken:
    return StoredToken(None, f"cannot use the hub token in {display(os.fsencode(path))}: {why}; the hub is asked without one")
