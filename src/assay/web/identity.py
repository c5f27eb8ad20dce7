"""Who sends a request: by the cookie of a session, or by a token."""

from base64 import b64decode
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import Lock

import psycopg
import structlog
from fastapi import Request

from assay.auth import commands, queries
from assay.auth.model import PUBLIC, Principal, digest_of
from assay.bootstrap import Context
from assay.errors import AssayError, Transient
from assay.web.addresses import address_of
from assay.web.csrf import SAFE, check_genuine, cookie_of
from assay.web.limits import Limiter
from assay.web.problems import Refused
from assay.web.reading import Reading

_log = structlog.get_logger(__name__)

# A session that is used is written down once in so long: two sign-ins a second would else be two writes a click.
_SELDOM = timedelta(minutes=1)
_LONGEST_SECRET = 200
# A wrong token counts as so many requests of its address.
_WRONG = 20
_MOST_KNOWN = 1_000


class Identity:
    """Asks the database who shows a session or a token. What is used is written down once a minute."""

    def __init__(self, ctx: Context, read: Reading, limiter: Limiter) -> None:
        self._ctx = ctx
        self._read = read
        self._limiter = limiter
        self._mutex = Lock()
        # Tokens that were good when the database was last asked, newest last.
        self._known: OrderedDict[bytes, Principal] = OrderedDict()

    def __call__(self, request: Request) -> Principal:
        """Who it is. Raises Refused for a token that is wrong, a form that is not ours, and too many requests."""
        secret = _token_of(request)
        if secret is not None:
            return self._by_token(request, secret)
        session = cookie_of(request, "session")
        return PUBLIC if session is None else self._by_session(request, session)

    def _by_session(self, request: Request, secret: str) -> Principal:
        now = self._ctx.clock()
        found = self._read(lambda conn: queries.find_session(conn, secret, now))
        if found is None:
            return PUBLIC
        request.state.session = secret
        self._limiter.take(f"person {found.who.id}")
        if request.method not in SAFE:
            check_genuine(request, self._ctx.settings.web_public_url)
        if found.seen_at is None or now - found.seen_at > _SELDOM:
            with _unimportant():
                commands.keep_session(self._ctx, secret)
        return found.who

    def _by_token(self, request: Request, secret: str) -> Principal:
        now, address = self._ctx.clock(), address_of(request)
        found, digest = None, digest_of(secret)
        if secret.startswith(commands.PREFIX) and len(secret) <= _LONGEST_SECRET:
            try:
                found = self._read(lambda conn: queries.find_token(conn, secret, now))
            except Transient:
                # Monitoring is told by /metrics that the database is gone; everything else needs it anyway.
                if digest in self._known:
                    return self._known[digest]
                raise
        if found is None:
            self._known.pop(digest, None)
            self._limiter.take_from(address, _WRONG)
            raise Refused(
                401,
                "this token is not known, was revoked, or has expired",
                {"WWW-Authenticate": 'Bearer realm="assay", error="invalid_token"'},
            )
        self._limiter.take(f"token {found.id}")
        if found.used_at is None or now - found.used_at > _SELDOM:
            with _unimportant(), self._ctx.db.transaction() as conn:
                commands.note_token(conn, found.id, now, address)
        return self._remembered(digest, commands.principal_of(found))

    def _remembered(self, digest: bytes, who: Principal) -> Principal:
        with self._mutex:
            self._known.pop(digest, None)
            self._known[digest] = who
            if len(self._known) > _MOST_KNOWN:
                self._known.popitem(last=False)
        return who


@contextmanager
def _unimportant() -> Iterator[None]:
    """Whoever may look is not sent away because it cannot be written down that they did."""
    try:
        yield
    except (AssayError, psycopg.Error) as error:
        _log.warning("web.use_not_noted", error=str(error))


def _token_of(request: Request) -> str | None:
    """The token that a request shows. As the password of any user where a client knows no other way to send it."""
    scheme, _, given = request.headers.get("authorization", "").strip().partition(" ")
    if scheme.lower() == "bearer":
        return given.strip()
    if scheme.lower() != "basic":
        return None
    try:
        return b64decode(given.strip(), validate=True).decode().partition(":")[2]
    except ValueError:
        return ""
