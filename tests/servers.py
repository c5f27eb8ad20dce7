"""A real server on loopback that serves documents, and misbehaves as told.

Sent a whole address, as clients do with a proxy, it looks the whole address up: `documents["http://..."]`.
"""

import socket
import ssl
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from urllib.parse import unquote

LAST_MODIFIED = "Wed, 21 Oct 2015 07:28:00 GMT"


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one answer.

    `status` answers with that instead of the document; `cut` closes the connection after that many bytes of
    body; `stall` sends them and then nothing more until the client leaves; `flip` damages the first byte;
    `hang_up` closes without an answer.
    """

    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None
    stall: int | None = None
    flip: bool = False
    hang_up: bool = False


@dataclass
class Document:
    """What is served under a path; `faults` are used up, one a request, before it is served well."""

    body: bytes = b""
    etag: str | None = None
    last_modified: str | None = LAST_MODIFIED
    ranges: bool = True
    chunked: bool = False
    headers: dict[str, str] = field(default_factory=dict)
    faults: deque[Fault] = field(default_factory=deque)
    redirect: str | None = None


@dataclass(frozen=True)
class Asked:
    """One request as it came in."""

    method: str
    path: str
    headers: dict[str, str]


class Web:
    """A server of documents by path (as asked for, else unquoted); `asked` lists every request in order."""

    def __init__(self) -> None:
        self.documents: dict[str, Document] = {}
        self.asked: list[Asked] = []
        self.url = ""
        self.on_request: Callable[[Asked], None] | None = None
        self.lock = Lock()

    def paths(self) -> list[str]:
        """The paths asked for, in order."""
        return [asked.path for asked in self.asked]


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    block_on_close = True
    web: Web

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(address, handler)
        self.open: set[socket.socket] = set()

    def process_request(self, request: socket.socket, client_address: object) -> None:
        self.open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: socket.socket) -> None:
        self.open.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """Ends the connections that clients keep open for their next request."""
        for request in list(self.open):
            with suppress(OSError):
                request.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away in the middle is what many tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server
    timeout = 5

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Tests look at `Web.asked`."""

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        web = self.server.web
        asked = Asked(self.command, self.path, {name.lower(): value for name, value in self.headers.items()})
        with web.lock:
            web.asked.append(asked)
            document = web.documents.get(self.path) or web.documents.get(unquote(self.path))
            fault = document.faults.popleft() if document and document.faults else None
        if web.on_request is not None:
            web.on_request(asked)
        if fault is not None and fault.hang_up:
            self.close_connection = True
        elif fault is not None and fault.status is not None:
            self.plain(fault.status, fault.headers)
        elif document is None:
            self.plain(404, {})
        elif document.redirect is not None:
            self.plain(302, {"Location": document.redirect})
        else:
            self.serve(document, fault or Fault(), asked)

    def plain(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def serve(self, document: Document, fault: Fault, asked: Asked) -> None:
        names = {"ETag": document.etag, "Last-Modified": document.last_modified}
        names = {name: value for name, value in names.items() if value is not None} | document.headers
        if _is_current(document, asked.headers):
            self.send_response(304)
            for name, value in names.items():
                self.send_header(name, value)
            self.end_headers()
            return
        start = _start(document, asked.headers)
        if start is not None and start >= len(document.body):
            self.plain(416, {"Content-Range": f"bytes */{len(document.body)}"})
            return
        body = document.body[start or 0 :]
        self.send_response(200 if start is None else 206)
        for name, value in names.items():
            self.send_header(name, value)
        if start is not None:
            last = len(document.body) - 1
            self.send_header("Content-Range", f"bytes {start}-{last}/{len(document.body)}")
        if document.chunked:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if asked.method != "HEAD":
            self.send_body(body, document, fault)

    def send_body(self, body: bytes, document: Document, fault: Fault) -> None:
        if fault.flip:
            body = bytes([body[0] ^ 1]) + body[1:]
        end = next((end for end in (fault.cut, fault.stall) if end is not None), None)
        sent = body if end is None else body[:end]
        if document.chunked:
            for at in range(0, len(sent), 1000):
                part = sent[at : at + 1000]
                self.wfile.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")
            if end is None:
                self.wfile.write(b"0\r\n\r\n")
        else:
            self.wfile.write(sent)
        self.wfile.flush()
        if fault.stall is not None:
            # Returns as soon as the client has given up and closed its end.
            self.connection.recv(1)
        if end is not None:
            self.close_connection = True


def _is_current(document: Document, headers: dict[str, str]) -> bool:
    if "if-none-match" in headers:
        return document.etag is not None and headers["if-none-match"] == document.etag
    return document.last_modified is not None and headers.get("if-modified-since") == document.last_modified


def _start(document: Document, headers: dict[str, str]) -> int | None:
    """Where the asked range begins, None where the whole document is to be sent."""
    asked = headers.get("range")
    if asked is None or not document.ranges:
        return None
    current = (document.etag, document.last_modified)
    if "if-range" in headers and headers["if-range"] not in current:
        return None
    return int(asked.removeprefix("bytes=").split("-")[0])


@contextmanager
def web_server(context: ssl.SSLContext | None = None) -> Iterator[Web]:
    """A server on a free port of 127.0.0.1, with TLS when a context is given; it ends with the block."""
    web = Web()
    server = _Server(("127.0.0.1", 0), _Handler)
    server.web = web
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    scheme, host = ("http", "127.0.0.1") if context is None else ("https", "localhost")
    web.url = f"{scheme}://{host}:{server.server_port}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield web
    finally:
        server.shutdown()
        thread.join()
        server.hang_up()
        server.server_close()


def http_date(timestamp: float) -> str:
    """An HTTP date for seconds since 1970."""
    return formatdate(timestamp, usegmt=True)
