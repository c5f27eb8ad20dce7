"""The service as a process: an address, one or several workers, an end that lets requests finish."""

import multiprocessing
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess

import structlog
import uvicorn

from assay.bootstrap import Context, enter_worker
from assay.domain.web_address import address_at
from assay.errors import Permanent
from assay.settings import Settings
from assay.web.app import create_app
from assay.web.guard import Identify

_log = structlog.get_logger()

# Seconds that requests get to finish, and that a client may leave its connection idle.
_GRACE = 10
_KEEP_ALIVE = 75
_BACKLOG = 2048
# Seconds between looks at the workers.
_LOOK = 0.2
# A worker that ends within so many seconds ended young; after so many in a row another start does not cure it.
_YOUNG = 10.0
_MOST_DEATHS = 12
_PAUSE = 0.25
_LONGEST_PAUSE = 15.0


class _Server(uvicorn.Server):
    """A server that says when it can be reached."""

    def __init__(self, config: uvicorn.Config, is_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._is_ready = is_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._is_ready()


def serve(ctx: Context, host: str, port: int, workers: int, is_ready: Callable[[str], None]) -> None:
    """Serve until the process is asked to end (SIGTERM, Ctrl-C), then let running requests finish.

    `is_ready` is given the address once requests are answered; port 0 takes any that is free. Raises Permanent when
    the address cannot be listened on.
    """
    listening = listen(host, port)
    url = address_of(listening)
    with listening:
        if workers > 1:
            _supervise(ctx, listening, workers, lambda: is_ready(url))
        else:
            _run(ctx, listening, lambda: is_ready(url))


def make_server(
    ctx: Context, is_ready: Callable[[], None], identify: Identify | None = None
) -> uvicorn.Server:
    """A server of the whole service that is not running yet."""
    config = uvicorn.Config(
        create_app(ctx, identify),
        lifespan="on",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=True,
        forwarded_allow_ips=list(ctx.settings.web_trusted_proxies),
        timeout_keep_alive=_KEEP_ALIVE,
        timeout_graceful_shutdown=_GRACE,
        backlog=_BACKLOG,
    )
    return _Server(config, is_ready)


def _run(ctx: Context, listening: socket.socket, is_ready: Callable[[], None]) -> None:
    # uvicorn raises the signal again once it has shut down; this process ends in its own way.
    with suppress(KeyboardInterrupt):
        make_server(ctx, is_ready).run(sockets=[listening])


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes any that is free. Raises Permanent when there can be none."""
    listening: socket.socket | None = None
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listening = socket.socket(family, kind, protocol)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(_BACKLOG)
    except OSError as error:
        if listening is not None:
            listening.close()
        raise Permanent(
            f"cannot listen on {host} port {port}: {error.strerror}; name another with --host and --port"
        ) from error
    return listening


def address_of(listening: socket.socket) -> str:
    """The base URL under which this machine reaches a listening socket."""
    host, port = listening.getsockname()[:2]
    return address_at(host, port)


def _supervise(ctx: Context, listening: socket.socket, workers: int, is_ready: Callable[[], None]) -> None:
    """Keep as many workers running, all on the one socket, until this process is asked to end."""
    with suppress(KeyboardInterrupt):
        keep_serving(ctx, listening, workers, is_ready, lambda: False)


def keep_serving(
    ctx: Context,
    listening: socket.socket,
    workers: int,
    is_ready: Callable[[], None],
    is_over: Callable[[], bool],
) -> None:
    """Serve by as many processes until it is over; one that dies is replaced, after growing pauses if it died young.

    `is_ready` is called once, when the first of them answers. Raises Permanent when they keep dying young.
    """
    crew = _Crew(ctx, listening, workers)
    try:
        has_told = False
        while not is_over():
            crew.look()
            if not has_told and crew.has_started.is_set():
                has_told = True
                is_ready()
    finally:
        crew.end()


class _Crew:
    """The processes that serve."""

    def __init__(self, ctx: Context, listening: socket.socket, workers: int) -> None:
        self._spawn = multiprocessing.get_context("spawn")
        self.has_started = self._spawn.Event()
        self._arguments = (ctx.settings, ctx.db.url, listening, self.has_started.set)
        self._workers = workers
        self._running: dict[SpawnProcess, float] = {}
        self._deaths = 0
        self._not_before = 0.0

    def look(self) -> None:
        """Start those that are missing, and wait a moment for one to end."""
        now = time.monotonic()
        while len(self._running) < self._workers and now >= self._not_before:
            process = self._spawn.Process(target=_work, args=self._arguments, name="assay-web")
            process.start()
            self._running[process] = now
        if self._running:
            wait([process.sentinel for process in self._running], timeout=_LOOK)
        else:
            time.sleep(_LOOK)
        for process in [one for one in self._running if not one.is_alive()]:
            self._bury(process)

    def _bury(self, process: SpawnProcess) -> None:
        age = time.monotonic() - self._running.pop(process)
        _log.error("worker ended", code=process.exitcode, pid=process.pid)
        self._deaths = self._deaths + 1 if age < _YOUNG else 0
        if self._deaths >= _MOST_DEATHS:
            raise Permanent(f"the workers of the service ended {self._deaths} times; the log says why")
        if self._deaths:
            self._not_before = time.monotonic() + min(_LONGEST_PAUSE, _PAUSE * 2**self._deaths)

    def end(self) -> None:
        """Let them finish what they answer, and end."""
        for process in self._running:
            process.terminate()
        for process in self._running:
            process.join(_GRACE * 2)
            process.kill()
            process.join()


def _work(settings: Settings, url: str, listening: socket.socket, is_ready: Callable[[], None]) -> None:
    """A worker's whole life.

    Ctrl-C and the end of a terminal reach it with its parent, SIGTERM from it; it does not outlive it.
    """
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_watch_parent, name="parent-watch", daemon=True).start()
    ctx = enter_worker(settings, url)
    _run(ctx, listening, is_ready)


def _watch_parent() -> None:
    """End in order when the parent is gone: a killed one tells nobody."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGTERM)
