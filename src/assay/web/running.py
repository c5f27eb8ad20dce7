"""The service as a process: an address, one or several workers, an end that lets requests finish."""

import multiprocessing
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess

import structlog
import uvicorn

from assay.bootstrap import Context, enter_worker
from assay.errors import Permanent
from assay.settings import Settings
from assay.web.app import create_app
from assay.web.guard import Identify

_log = structlog.get_logger()

# Seconds that requests get to finish, and that a client may leave its connection idle.
_GRACE = 10
_KEEP_ALIVE = 75
_BACKLOG = 2048
# A worker that ends this often by itself has a reason that another start does not cure.
_MOST_RESTARTS = 20


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
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def _supervise(ctx: Context, listening: socket.socket, workers: int, is_ready: Callable[[], None]) -> None:
    """Keep as many workers running, all on the one socket, until this process is asked to end."""
    spawn = multiprocessing.get_context("spawn")
    has_started = spawn.Event()

    def start() -> BaseProcess:
        arguments = (ctx.settings, ctx.db.url, listening, has_started.set)
        process = spawn.Process(target=_work, args=arguments, name="assay-web")
        process.start()
        return process

    running = [start() for _ in range(workers)]
    restarts = 0
    try:
        while not has_started.wait(0.1) and all(process.is_alive() for process in running):
            pass
        if has_started.is_set():
            is_ready()
        while restarts < _MOST_RESTARTS:
            wait([process.sentinel for process in running])
            for place, process in enumerate(running):
                if not process.is_alive():
                    restarts += 1
                    _log.error("worker ended", code=process.exitcode, pid=process.pid)
                    running[place] = start()
    except KeyboardInterrupt:
        return
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.join(_GRACE * 2)
            process.kill()
    raise Permanent(f"the workers of the service ended {restarts} times; the log says why")


def _work(settings: Settings, url: str, listening: socket.socket, is_ready: Callable[[], None]) -> None:
    """A worker's whole life. Ctrl-C reaches it with its parent, SIGTERM from it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ctx = enter_worker(settings, url)
    _run(ctx, listening, is_ready)
