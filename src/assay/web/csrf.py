"""Proof that a change by cookie was asked for on a page of ours, and by nobody else's page.

Two things must be right for every request that may change something and is let in by a cookie: where it comes from
(`Sec-Fetch-Site`, else `Origin`), and a token that only our pages know. Templates put the token there:

    <meta name="csrf-token" content="{{ csrf_token(request) }}">
    <input type="hidden" name="csrf_token" value="{{ csrf_token(request) }}">

A form sends it as its field `csrf_token`. htmx sends it as the header `X-CSRF-Token`, for which a script of ours
listens to `htmx:configRequest` and copies it from the meta element (`hx-headers` on `<body>` does it without a script).
Requests with `Authorization` need none: no browser sends that by itself.
"""

import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from urllib.parse import urlsplit

from fastapi import Request, Response

from assay.web.problems import Refused

FIELD = "csrf_token"
HEADER = "x-csrf-token"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

_LONGEST_COOKIE = 200
_MASK = 32


def cookie_name(request: Request, what: str) -> str:
    """A cookie's name; with https one that only this host can have set (RFC 6265bis, section 4.1.3.2)."""
    return f"__Host-assay-{what}" if request.url.scheme == "https" else f"assay-{what}"


def cookie_of(request: Request, what: str) -> str | None:
    """A cookie's value; None where there is none that we could have set."""
    value = request.cookies.get(cookie_name(request, what))
    return value if value and len(value) <= _LONGEST_COOKIE and value.isascii() else None


def put_cookie(request: Request, response: Response, what: str, value: str, seconds: int) -> None:
    """Set a cookie that no script can read and no other site's form sends along."""
    response.set_cookie(
        cookie_name(request, what),
        value,
        max_age=seconds,
        path="/",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="lax",
    )


def drop_cookie(request: Request, response: Response, what: str) -> None:
    """Let a browser forget a cookie."""
    put_cookie(request, response, what, "", 0)


def csrf_token(request: Request) -> str:
    """The token for forms and htmx on the page that answers this request; another text each time.

    Empty where the browser has neither a session nor a visit (`begin_visit`), whose forms nobody has to fill in.
    """
    secret = _secret(request)
    if secret is None:
        return ""
    mask = secrets.token_bytes(_MASK)
    # A compressed page must not hold the same secret each time (BREACH).
    masked = bytes(one ^ other for one, other in zip(mask, _expected(secret), strict=True))
    return urlsafe_b64encode(mask + masked).decode()


def begin_visit(request: Request, response: Response) -> None:
    """Give somebody who is not signed in a cookie for the sign-in form's token; before its page is written."""
    visit = cookie_of(request, "visit") or getattr(request.state, "visit", None)
    if visit is not None:
        put_cookie(request, response, "visit", visit, 3600)


def visit(request: Request) -> None:
    """Let `csrf_token` work on a page for somebody who is not signed in; `begin_visit` sends the cookie."""
    if cookie_of(request, "visit") is None:
        request.state.visit = secrets.token_urlsafe(32)


def check_genuine(request: Request, public_url: str | None = None) -> None:
    """Raise Refused for a change that no page of ours asked for."""
    check_origin(request, public_url)
    secret = _secret(request)
    sent = getattr(request.state, "csrf", None) or request.headers.get(HEADER)
    if secret is None or not sent or not _is_right(sent, secret):
        raise Refused(403, "this form is too old, or not one of ours: load the page again and repeat it")


def check_origin(request: Request, public_url: str | None = None) -> None:
    """Raise Refused for a request that a browser says another site's page has sent."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        if site not in {"same-origin", "none"}:
            raise Refused(403, "a page from elsewhere sent this")
        return
    origin = request.headers.get("origin")
    if origin is None:
        return
    ours = {request.headers.get("host")}
    if public_url is not None:
        ours.add(urlsplit(public_url).netloc)
    if urlsplit(origin).netloc not in ours:
        raise Refused(403, "a page from elsewhere sent this")


async def read_csrf(request: Request) -> None:
    """A dependency: the token of a form is there for `check_genuine`, which cannot wait for a body.

    What uploads a file sends the token as a header: its body may be large, and is its route's to read.
    """
    if request.method in SAFE or HEADER in request.headers:
        return
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/x-www-form-urlencoded":
        value = (await request.form()).get(FIELD)
        request.state.csrf = value if isinstance(value, str) else None


def _secret(request: Request) -> str | None:
    own = getattr(request.state, "session", None) or cookie_of(request, "session")
    return own or cookie_of(request, "visit") or getattr(request.state, "visit", None)


def _expected(secret: str) -> bytes:
    return hmac.new(secret.encode(), b"csrf", sha256).digest()


def _is_right(sent: str, secret: str) -> bool:
    try:
        given = urlsafe_b64decode(sent.encode())
    except ValueError:
        return False
    if len(given) != 2 * _MASK:
        return False
    plain = bytes(one ^ other for one, other in zip(given[:_MASK], given[_MASK:], strict=True))
    return hmac.compare_digest(plain, _expected(secret))
