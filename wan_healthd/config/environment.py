"""What the environment says about the hub: its variables mean here what they mean to the hub's own client.

Source: huggingface_hub 2.4.0, `constants.py` and `utils/_auth.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import SplitResult, urlsplit

from wan_healthd.domain.errors import ConfigInvalid
from wan_healthd.domain.hub import DEFAULT_ENDPOINT, HubAccess
from wan_healthd.domain.paths import printable

ENDPOINT = "HF_ENDPOINT"
TOKENS = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
OFFLINE = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
TRUE = frozenset({"1", "ON", "YES", "TRUE"})


def hub_access(environ: Mapping[str, str], stored: str | None = None) -> HubAccess:
    """How the hub may be asked; the first of several variables that is set and not empty counts.

    Args:
        environ: the environment.
        stored: the token for where the environment has none (see `config.credentials`).

    Raises:
        ConfigInvalid: HF_ENDPOINT is no address, or the token cannot be sent.
    """
    is_offline = _first(environ, OFFLINE).upper() in TRUE
    token = (_first(environ, TOKENS) or stored or "").strip().replace("\r", "").replace("\n", "")
    if not (token.isascii() and token.isprintable()):
        raise ConfigInvalid(f"cannot use {TOKENS[0]}: it holds characters that no token has", "copy the token anew")
    return HubAccess(_endpoint(environ.get(ENDPOINT, "")), token or None, is_offline)


def secrets(environ: Mapping[str, str], stored: str | None = None) -> tuple[str, ...]:
    """What the environment holds, or a file, that nobody may read in a log."""
    values = (*(environ.get(name, "") for name in TOKENS), stored or "")
    return tuple(value.strip() for value in values if value.strip())


def _first(environ: Mapping[str, str], names: tuple[str, ...]) -> str:
    return next((value for name in names if (value := environ.get(name, ""))), "")


def _endpoint(stated: str) -> str:
    if not stated:
        return DEFAULT_ENDPOINT
    try:
        parts = urlsplit(stated)
        is_usable = _is_usable(parts)
    except ValueError:  # of urllib, for a port that is none
        is_usable = False
    if not is_usable or not stated.isascii() or not stated.isprintable() or " " in stated:
        told = printable(stated[:200])
        raise ConfigInvalid(
            f'cannot use {ENDPOINT}: expected an address such as {DEFAULT_ENDPOINT}, found "{told}"', "correct it, or unset it"
        )
    return stated.rstrip("/")


def _is_usable(parts: SplitResult) -> bool:
    has_secret = parts.username is not None or parts.password is not None
    is_plain = not (parts.query or parts.fragment or has_secret)
    return parts.scheme in ("http", "https") and bool(parts.hostname) and is_plain and parts.port != 0
