"""A server that answers as it was told, well or badly: what a language model's server may do to its client."""

import json
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from typing import Any


@dataclass(frozen=True)
class Line:
    """One answer. `hangs` gives none until the client leaves, `drips` sends byte after byte without an end."""

    body: Any = None
    status: int = 200
    kind: str = "application/json"
    cut: int | None = None
    hangs: bool = False
    hangs_up: bool = False
    drips: bool = False

    @property
    def content(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


@dataclass(frozen=True)
class Heard:
    """One request as it came in."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any


@dataclass
class Talker:
    """A server. `lines` are what it says, one a request; the last one it says for ever."""

    lines: deque[Line] = field(default_factory=deque)
    heard: list[Heard] = field(default_factory=list)
    url: str = ""
    over: Event = field(default_factory=Event)
    lock: Lock = field(default_factory=Lock)

    def says(self, *lines: Line) -> None:
        self.lines = deque(lines)
        self.heard.clear()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    talker: Talker

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away in the middle is what many tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Tests look at `Talker.heard`."""

    def do_GET(self) -> None:
        self._talk(None)

    def do_POST(self) -> None:
        self._talk(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def _talk(self, body: Any) -> None:
        talker = self.server.talker
        headers = {name.lower(): value for name, value in self.headers.items()}
        with talker.lock:
            talker.heard.append(Heard(self.command, self.path, headers, body))
            line = talker.lines.popleft() if len(talker.lines) > 1 else talker.lines[0]
        if line.hangs:
            self.connection.recv(1)
        if line.hangs or line.hangs_up:
            self.close_connection = True
            return
        self.send_response(line.status)
        self.send_header("Content-Type", line.kind)
        self.send_header("Content-Length", str(1 << 30 if line.drips else len(line.content)))
        self.end_headers()
        if line.drips:
            self._drip()
        else:
            self.wfile.write(line.content[: line.cut])
        if line.drips or line.cut is not None:
            self.close_connection = True

    def _drip(self) -> None:
        with suppress(ConnectionError):
            while not self.server.talker.over.wait(0.01):
                self.wfile.write(b" ")
                self.wfile.flush()


@contextmanager
def talking(*lines: Line) -> Iterator[Talker]:
    """A server on a free port of 127.0.0.1; it ends with the block."""
    talker = Talker(deque(lines))
    server = _Server(("127.0.0.1", 0), _Handler)
    server.talker = talker
    talker.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield talker
    finally:
        talker.over.set()
        server.shutdown()
        thread.join()
        server.server_close()
