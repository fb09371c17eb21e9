"""The life of the daemon: start, serve, reload, stop."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import grp
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator

from wan_healthd.api.server import serve
from wan_healthd.api.sockets import bind, handed_in
from wan_healthd.assembly import House
from wan_healthd.blueprint import Blueprint
from wan_healthd.config.environment import hub_access, secrets
from wan_healthd.config.files import ConfigSource
from wan_healthd.config.loader import load
from wan_healthd.daemon.heart import beat
from wan_healthd.daemon.places import socket_path, state_file
from wan_healthd.domain.alerts import DAEMON_STARTED, DAEMON_STOPPED
from wan_healthd.domain.errors import ConfigInvalid, StateDamaged
from wan_healthd.domain.events import EventKind
from wan_healthd.domain.hub import HubAccess
from wan_healthd.domain.ports import AlertSink, Notifier
from wan_healthd.domain.process import LogLevel, ProcessControl
from wan_healthd.domain.settings import ApiSettings, Settings
from wan_healthd.host import logging
from wan_healthd.host.journal import sink_from_environment
from wan_healthd.host.notify import notifier_from_environment
from wan_healthd.monitor import ModelHealthMonitor
from wan_healthd.opening import open_house
from wan_healthd.store.trouble import Trouble
from wan_healthd.version import __version__

log = logging.logger()

SWITCH_INTERVAL_S = 0.0005
"""Python lets a thread that computes keep the interpreter for 5 ms; a client's answer would wait for that."""


def run(source: ConfigSource, settings: Settings, log_level: str) -> int:
    """Run until SIGTERM or SIGINT; returns the exit status.

    Raises:
        ConfigInvalid: the socket cannot be made.
        StoreUnusable: the state cannot be used.
        StateDamaged: it is damaged; the next start puts it right, if there is a good copy.
    """
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    os.umask(0o077)  # whatever we make is ours alone, unless it says otherwise
    logging.configure(log_level, sys.stderr, secrets(os.environ))
    notifier, sink = notifier_from_environment(), sink_from_environment()
    with contextlib.closing(notifier):
        return asyncio.run(_Daemon(source, settings, notifier, sink).live())


class _Daemon:
    def __init__(self, source: ConfigSource, settings: Settings, notifier: Notifier, sink: AlertSink) -> None:
        self._source = source
        self._settings = settings
        self._hub = _hub_access(settings)
        self._notifier = notifier
        self._sink = sink
        self._state = state_file(os.environ)
        self._signals: asyncio.Queue[signal.Signals | Trouble] = asyncio.Queue()

    async def live(self) -> int:
        """Serve until told to stop; a reload builds the house anew around the same socket."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, self._signals.put_nowait, number)
        event = EventKind.DAEMON_STARTED
        with contextlib.ExitStack() as stack:
            listeners = self._listen(stack)
            while (end := await self._serve(listeners, event)) is signal.SIGHUP:
                event = EventKind.CONFIG_RELOADED
        if isinstance(end, Trouble):
            raise StateDamaged(f"cannot go on: the state database is damaged: {end.cause}", end.cure)
        return 0

    def set_log_level(self, level: LogLevel) -> None:
        """From now on, also over reloads."""
        logging.set_level(level)

    async def reload(self) -> None:
        """As by SIGHUP, but whoever asks is told what is wrong with the configuration.

        Raises:
            ConfigInvalid: it has errors; the old one stays in force.
        """
        _hub_access(await asyncio.to_thread(load, self._source))
        self._signals.put_nowait(signal.SIGHUP)

    async def _serve(self, listeners: tuple[socket.socket, ...], event: EventKind) -> signal.Signals | Trouble:
        blueprint = Blueprint(self._settings, self._state, (self._sink,), _complain, hub=self._hub)
        async with open_house(blueprint) as house, _api(house, listeners, self._settings.api, self):
            await self._greet(house, event)
            heart = house.crew.start(beat(house, self._notifier))
            house.crew.start(self._await_damage(house))
            self._notifier.ready()
            gc.freeze()  # what was made so far stays; looking through it again and again would hold up clients for 20 ms
            beginning = house.crew.start(
                house.start_monitoring()
            )  # a root that does not answer may keep it waiting, but not us
            end = await self._wait()
            beginning.cancel()
            await asyncio.wait([beginning])
            heart.cancel()
            if end is signal.SIGHUP:
                return end
            self._notifier.stopping()
            if isinstance(end, Trouble):
                return end
            house.alerter.tell(DAEMON_STOPPED, "wan-healthd stops; what it was reading goes on from there after the next start")
            await house.record(EventKind.DAEMON_STOPPED, "wan-healthd stopped")
            return end

    async def _await_damage(self, house: House) -> None:
        """A damaged state ends us as a signal does: the next start puts it right before anything relies on it."""
        self._signals.put_nowait(await house.state_watch.until_damaged())

    async def _greet(self, house: House, event: EventKind) -> None:
        roots = ", ".join(root.path for root in self._settings.roots) or "nothing: no [[roots]] are configured"
        if event is EventKind.DAEMON_STARTED:
            house.alerter.tell(DAEMON_STARTED, f"wan-healthd {__version__} watches {roots}")
        await house.record(event, f"wan-healthd {__version__}, watching {roots}")

    async def _wait(self) -> signal.Signals | Trouble:
        """The next signal that changes something: a reload of a bad configuration leaves the old one in force."""
        while (end := await self._signals.get()) is signal.SIGHUP:
            self._notifier.reloading()
            try:
                settings = await asyncio.to_thread(load, self._source)
                self._hub = _hub_access(settings)
            except ConfigInvalid as error:
                log.warning("cannot reload, the old configuration stays in force", cause=error.message)
                self._notifier.ready()
            else:
                self._settings = settings
                break
        return end

    def _listen(self, stack: contextlib.ExitStack) -> tuple[socket.socket, ...]:
        """Sockets that systemd handed in, else our own."""
        given = handed_in(os.environ, os.getpid())
        if given:
            for listener in given:
                stack.callback(listener.close)
            return given
        api = self._settings.api
        control = bind(socket_path(api.socket, os.environ, os.geteuid()), _gid(api.socket_group))
        stack.callback(control.remove)
        stack.callback(control.listener.close)
        return (control.listener,)


@contextlib.asynccontextmanager
async def _api(
    house: House, listeners: tuple[socket.socket, ...], api: ApiSettings, process: ProcessControl
) -> AsyncIterator[None]:
    """Serve on copies of the listeners: the originals outlive a reload, and nobody who connects meanwhile is refused."""
    gid = _gid(api.act_group or api.socket_group)
    act_gids = frozenset({os.getegid() if gid is None else gid})
    copies = [listener.dup() for listener in listeners]
    facade = ModelHealthMonitor.hosted_by(house, process)
    server = await serve(facade, copies, version=__version__, act_gids=act_gids, log=log)
    try:
        yield
    finally:
        await server.close()


def _hub_access(settings: Settings) -> HubAccess | None:
    """How the hub may be asked; None where the configuration does not allow it."""
    return hub_access(os.environ) if settings.hub.lookup else None


def _gid(group: str | None) -> int | None:
    if group is None:
        return None
    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        raise ConfigInvalid(
            f"cannot give the control socket to the group {group}: there is no such group", "create it, or correct [api]"
        ) from None


def _complain(what: str, error: BaseException | None) -> None:
    if error is None:
        log.warning(what)
    else:
        log.error("something of ours failed", what=what, error=str(error), exc_info=error)
