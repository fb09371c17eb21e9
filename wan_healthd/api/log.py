"""What the API needs of a logger; a structlog logger fits as it is."""

from __future__ import annotations

from typing import Protocol


class Log(Protocol):
    """Takes an event's name and its facts. Facts of requests are made printable before they come here."""

    def info(self, event: str, **facts: object) -> object:
        """Something happened as it should."""

    def warning(self, event: str, **facts: object) -> object:
        """Something was refused."""

    def error(self, event: str, **facts: object) -> object:
        """Something broke; `exc_info` holds the exception."""
