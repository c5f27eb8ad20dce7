"""What a server's answer means: its length, its version, and what a failure asks of us. Pure."""

import re
import ssl
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx2

from assay.errors import AssayError, Permanent, Transient
from assay.kit.transfer import Absent, Interrupted, Validators

_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")
_PASSING = frozenset({408, 425, 429})
_ADVICE = {
    401: "it wants credentials: give this source a valid token",
    403: "it refuses access: check the token, and whether this machine's address is blocked",
    407: "the proxy wants credentials: put user and password into the proxy's address",
    451: "it may not be served here for legal reasons: use another mirror",
}


def shown(url: httpx2.URL | str) -> str:
    """The address for a message: without user, password and query, which may carry secrets."""
    parsed = httpx2.URL(url)
    return str(parsed.copy_with(username=None, password=None, query=None, fragment=None))


def origin(url: str) -> str:
    """Scheme and host of an address, for messages about addresses that are secret."""
    try:
        parsed = httpx2.URL(url)
    except httpx2.InvalidURL:
        return "the address"
    return str(parsed.copy_with(username=None, password=None, path="/", query=None, fragment=None))


def rejection(url: str, status: int) -> AssayError:
    """What it asks of us that something was sent and not taken."""
    said = f"{origin(url)} answered {status}"
    if status in _PASSING or status >= 500:
        return Transient(said)
    if 300 <= status < 400:
        return Permanent(f"{said}: it is elsewhere, and redirects are not followed; correct the address")
    return Permanent(f"{said}: check the address, and whether the receiver still wants this")


def validators_of(headers: httpx2.Headers) -> Validators:
    """How the server names the version that it sent."""
    return Validators(headers.get("etag"), headers.get("last-modified"))


def strong(validators: Validators) -> str | None:
    """What If-Range may carry: a strong entity tag, else the date (RFC 9110 section 13.1.5)."""
    if validators.etag is not None and not validators.etag.startswith("W/"):
        return validators.etag
    return validators.last_modified


def conditions(validators: Validators | None) -> dict[str, str]:
    """The header fields that ask for the document only when it is another version."""
    if validators is None:
        return {}
    fields = {"If-None-Match": validators.etag, "If-Modified-Since": validators.last_modified}
    return {name: value for name, value in fields.items() if value is not None}


def length_of(headers: httpx2.Headers) -> int | None:
    """The announced length of this body in bytes, None when it is not announced or no number."""
    text = headers.get("content-length", "")
    return int(text) if text.isdecimal() and len(text) < 19 else None


def range_of(headers: httpx2.Headers) -> tuple[int, int | None] | None:
    """Where a partial body begins, and the whole document's length where known; None when unreadable."""
    match = _CONTENT_RANGE.fullmatch(headers.get("content-range", "").strip())
    if match is None:
        return None
    return int(match[1]), None if match[3] == "*" else int(match[3])


def retry_after(headers: httpx2.Headers) -> float | None:
    """How many seconds the server asks to wait; a date is measured against the server's own clock."""
    text = headers.get("retry-after", "").strip()
    if text.isdecimal() and len(text) < 10:
        return float(text)
    until, now = _date(text), _date(headers.get("date", ""))
    return None if until is None or now is None else max(0.0, (until - now).total_seconds())


def refusal(response: httpx2.Response) -> AssayError:
    """What an answer that is no document asks of us: to try again, or to have a person look."""
    status, where = response.status_code, shown(response.url)
    said = f"{where} answered {status} {response.reason_phrase}".rstrip()
    if status in _PASSING or status >= 500:
        return Interrupted(said, retry_after(response.headers))
    if status in (404, 410):
        return Absent(f"{said}: the document is not there; check the address, the source may have moved")
    return Permanent(f"{said}: {_ADVICE.get(status, 'check the address of this source')}")


def transport_trouble(error: Exception, url: str, *, advanced: bool = False) -> AssayError:
    """What an error below HTTP asks of us."""
    where = shown(url) if not isinstance(error, httpx2.InvalidURL) else "the address"
    said = f"{where}: {type(error).__name__}: {error}"
    if _is_untrusted(error):
        return Permanent(
            f"{said}: its certificate is not trusted; set the file of the authority that signed it"
        )
    if isinstance(error, httpx2.InvalidURL | httpx2.UnsupportedProtocol | httpx2.LocalProtocolError):
        return Permanent(f"{said}: correct the address")
    return Interrupted(said, advanced=advanced)


def _is_untrusted(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False


def _date(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    return date if date.tzinfo is not None else date.replace(tzinfo=UTC)
