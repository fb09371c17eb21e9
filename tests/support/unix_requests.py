"""`requests` over a Unix socket, for tools that speak nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool
from urllib3.connection import HTTPConnection

from tests.support.control import UnixConnection

BASE = "http://localhost"


class _Connection(HTTPConnection):
    def __init__(self, path: Path, timeout_s: float) -> None:
        super().__init__("localhost")
        self._door = UnixConnection(path, timeout_s)

    def connect(self) -> None:
        self._door.connect()
        self.sock = self._door.sock


class _Pool(HTTPConnectionPool):
    def __init__(self, path: Path, timeout_s: float) -> None:
        super().__init__("localhost")
        self._path = path
        self._timeout_s = timeout_s

    def _new_conn(self) -> _Connection:
        return _Connection(self._path, self._timeout_s)


class _Adapter(HTTPAdapter):
    def __init__(self, path: Path, timeout_s: float) -> None:
        self._pool = _Pool(path, timeout_s)
        super().__init__()

    def get_connection_with_tls_context(self, *_args: Any, **_options: Any) -> _Pool:
        return self._pool

    def close(self) -> None:
        self._pool.close()


def session_to(path: Path, timeout_s: float = 10.0) -> requests.Session:
    """A session whose requests to `BASE` go to the socket at `path`, whatever the environment says of proxies."""
    session = requests.Session()
    session.trust_env = False
    session.mount(BASE, _Adapter(path, timeout_s))
    return session
