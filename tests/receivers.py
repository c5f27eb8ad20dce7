"""Real receivers on loopback: a mail server that keeps what it is sent, and a receiver of signed requests."""

import hashlib
import hmac
from base64 import b64encode
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from threading import Thread
from typing import Any

from aiosmtpd.controller import Controller

PATIENCE = 240.0


@dataclass
class Mailbox:
    """A mail server. `refusals` are answers that it gives before it takes a mail, one a mail."""

    mails: Queue[EmailMessage] = field(default_factory=Queue)
    refusals: deque[str] = field(default_factory=deque)
    port: int = 0

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - the name of the library
        """What the server answers to a mail; aiosmtpd knows it by this name."""
        if self.refusals:
            return self.refusals.popleft()
        self.mails.put(message_from_bytes(envelope.content, policy=policy.default))  # type: ignore[arg-type]  # the policy makes EmailMessages
        return "250 OK"

    @property
    def address(self) -> str:
        """For apprise."""
        return f"mailto://127.0.0.1:{self.port}?from=assay@example.org&to=ops@example.org&mode=insecure"

    def next(self) -> EmailMessage:
        return self.mails.get(timeout=PATIENCE)


class _MailServer(Controller):
    def _trigger_server(self) -> None:
        # It knocks at its own port to see whether it is up.
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@contextmanager
def mail_server() -> Iterator[Mailbox]:
    """A mail server on a free port."""
    mailbox = Mailbox()
    controller = _MailServer(mailbox, hostname="127.0.0.1", port=0)
    controller.start()
    try:
        mailbox.port = controller.port
        yield mailbox
    finally:
        controller.stop()


@dataclass(frozen=True)
class Sent:
    """A request as it came in."""

    path: str
    headers: dict[str, str]
    body: bytes

    def is_signed_with(self, secret: bytes) -> bool:
        """As the Standard Webhooks specification checks it, written down once more."""
        content = b".".join(
            (self.headers["webhook-id"].encode(), self.headers["webhook-timestamp"].encode(), self.body)
        )
        expected = b64encode(hmac.new(secret, content, hashlib.sha256).digest()).decode()
        return f"v1,{expected}" in self.headers["webhook-signature"].split(" ")


@dataclass
class Receiver:
    """A receiver of requests. `answers` are statuses that it gives, one a request, before 204."""

    sent: Queue[Sent] = field(default_factory=Queue)
    answers: deque[int] = field(default_factory=deque)
    url: str = ""

    def next(self) -> Sent:
        return self.sent.get(timeout=PATIENCE)


@contextmanager
def receiver() -> Iterator[Receiver]:
    """A receiver on a free port."""
    found = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
            """Tests look at the queue."""

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            found.sent.put(Sent(self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            status = found.answers.popleft() if found.answers else 204
            self.send_response(status)
            if status == 302:
                self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = False
    found.url = f"http://127.0.0.1:{server.server_port}/hooks/s3cret-path"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
