"""The life of the daemon: start, serve, reload, stop."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Coroutine

from wan_healthd.api.server import serve
from wan_healthd.assembly import House
from wan_healthd.blueprint import Blueprint
from wan_healthd.config.credentials import stored_token
from wan_healthd.config.environment import secrets
from wan_healthd.config.files import ConfigSource
from wan_healthd.config.loader import load
from wan_healthd.daemon.heart import beat
from wan_healthd.daemon.in_force import InForce, judged
from wan_healthd.daemon.listening import listen
from wan_healthd.daemon.places import state_file
from wan_healthd.daemon.turning import LONGEST_START_S, LONGEST_STOP_S, Turning
from wan_healthd.domain.alerts import DAEMON_STARTED, DAEMON_STOPPED
from wan_healthd.domain.errors import ConfigInvalid, HealthdError, StateDamaged
from wan_healthd.domain.events import EventKind
from wan_healthd.domain.ports import AlertSink, Notifier
from wan_healthd.domain.process import LogLevel, ProcessControl
from wan_healthd.domain.settings import Settings
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

HANG_S = 60.0
"""How long the state may take over one call where no service manager watches us."""

EXIT_FAILED = 6


def run(source: ConfigSource, settings: Settings, log_level: str) -> int:
    """Run until SIGTERM or SIGINT; returns the exit status.

    Raises:
        ConfigInvalid: the socket cannot be made.
        StoreUnusable: the state cannot be used.
        StateDamaged: it is damaged; the next start puts it right, if there is a good copy.
    """
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    os.umask(0o077)  # whatever we make is ours alone, unless it says otherwise
    token = stored_token(os.environ)
    logging.configure(log_level, sys.stderr, secrets(os.environ, token.value))
    if token.complaint and settings.hub.lookup:
        log.warning(token.complaint)
    notifier, sink = notifier_from_environment(), sink_from_environment()
    with contextlib.closing(notifier):
        daemon = _Daemon(source, judged(settings, token.value), token.value, notifier, sink)
        try:
            return asyncio.run(daemon.live())
        except Exception as error:  # the boundary of the process: whatever it is, people and the service manager are told
            return ended_by(error, notifier)


def ended_by(error: Exception, notifier: Notifier) -> int:
    """Raise what people can do something about; what is a fault of ours needs a new start, and that at once."""
    cause: Exception = error
    while isinstance(cause, ExceptionGroup) and len(cause.exceptions) == 1:
        cause = cause.exceptions[0]
    if isinstance(cause, HealthdError):
        raise cause
    log.critical("wan-healthd ends by a fault of its own", error=str(cause), exc_info=error)
    notifier.trigger()
    return EXIT_FAILED


class _Daemon:
    def __init__(self, source: ConfigSource, in_force: InForce, token: str | None, notifier: Notifier, sink: AlertSink) -> None:
        self._source = source
        self._in_force = in_force
        self._token = token
        self._notifier = notifier
        self._turning = Turning(notifier)
        self._sink = sink
        self._state = state_file(os.environ)
        self._signals: asyncio.Queue[signal.Signals | InForce | Trouble] = asyncio.Queue()

    async def live(self) -> int:
        """Serve until told to stop; a reload builds the house anew around the same socket."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, self._signals.put_nowait, number)
        event = EventKind.DAEMON_STARTED
        async with _beside(self._turning.run()):
            self._turning.begin("opening the state", LONGEST_START_S)
            with contextlib.ExitStack() as stack:
                api = self._in_force.settings.api
                listeners = listen(api.socket, self._in_force.socket_gid, os.environ, self._notifier, stack)
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
        self._signals.put_nowait(await asyncio.to_thread(self._load))

    async def _serve(self, listeners: tuple[socket.socket, ...], event: EventKind) -> signal.Signals | Trouble:
        async with open_house(self._blueprint()) as house, _api(house, listeners, self._in_force.act_gid, self):
            await self._greet(house, event)
            heart = house.crew.start(beat(house, self._notifier))
            house.crew.start(self._await_damage(house))
            self._turning.end()
            self._notifier.ready()
            _leave_alone_what_stays()
            beginning = house.crew.start(
                house.start_monitoring()
            )  # a root that does not answer may keep it waiting, but not us
            end = await self._wait()
            beginning.cancel()
            await asyncio.wait([beginning])
            heart.cancel()
            if end is signal.SIGHUP:
                self._turning.begin("taking the new configuration in", LONGEST_START_S)
                return end
            self._notifier.stopping()
            self._turning.begin("writing down how far it got", LONGEST_STOP_S)
            if isinstance(end, Trouble):
                return end
            house.alerter.tell(DAEMON_STOPPED, "wan-healthd stops; what it was reading goes on from there after the next start")
            await house.record(EventKind.DAEMON_STOPPED, "wan-healthd stopped")
            return end

    def _blueprint(self) -> Blueprint:
        loop = asyncio.get_running_loop()

        def opening(what: str) -> None:
            loop.call_soon_threadsafe(self._notifier.status, what)

        return Blueprint(
            self._in_force.settings,
            self._state,
            (self._sink,),
            _complain,
            hub=self._in_force.hub,
            hang_s=self._notifier.watchdog_interval_s or HANG_S,
            opening=opening,
            note=log.info,
        )

    def _load(self) -> InForce:
        return judged(load(self._source), self._token)

    async def _await_damage(self, house: House) -> None:
        """A damaged state ends us as a signal does: the next start puts it right before anything relies on it."""
        self._signals.put_nowait(await house.state_watch.until_damaged())

    async def _greet(self, house: House, event: EventKind) -> None:
        roots = ", ".join(root.path for root in self._in_force.settings.roots) or "nothing: no [[roots]] are configured"
        if event is EventKind.DAEMON_STARTED:
            house.alerter.tell(DAEMON_STARTED, f"wan-healthd {__version__} watches {roots}")
        await house.record(event, f"wan-healthd {__version__}, watching {roots}")

    async def _wait(self) -> signal.Signals | Trouble:
        """The next signal that changes something: a reload of a bad configuration leaves the old one in force."""
        while True:
            end = await self._signals.get()
            if isinstance(end, Trouble) or end in (signal.SIGTERM, signal.SIGINT):
                return end
            self._notifier.reloading()
            try:
                self._in_force = end if isinstance(end, InForce) else await asyncio.to_thread(self._load)
            except ConfigInvalid as error:
                log.warning("cannot reload, the old configuration stays in force", cause=error.message)
                self._notifier.ready()
            else:
                return signal.SIGHUP


def _leave_alone_what_stays() -> None:
    """Have Python pass over what a house is made of: to look through it again and again would hold up clients for 20 ms each.

    A house that a reload replaced goes first.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()


@contextlib.asynccontextmanager
async def _beside(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Run `work` as long as the block: it outlives every house, and no crew owns it."""
    task = asyncio.ensure_future(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


@contextlib.asynccontextmanager
async def _api(
    house: House, listeners: tuple[socket.socket, ...], act_gid: int, process: ProcessControl
) -> AsyncIterator[None]:
    """Serve on copies of the listeners: the originals outlive a reload, and nobody who connects meanwhile is refused."""
    copies = [listener.dup() for listener in listeners]
    facade = ModelHealthMonitor.hosted_by(house, process)
    server = await serve(facade, copies, version=__version__, act_gids=frozenset({act_gid}), log=log)
    try:
        yield
    finally:
        await server.close()


def _complain(what: str, error: BaseException | None) -> None:
    if error is None:
        log.warning(what)
    else:
        log.error("something of ours failed", what=what, error=str(error), exc_info=error)
