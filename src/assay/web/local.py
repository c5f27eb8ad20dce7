"""Who may change something by HTTP while there is no sign-in: a program on this very machine, where that is allowed."""

from collections.abc import Callable
from ipaddress import ip_address
from urllib.parse import urlsplit

from fastapi import Request

from assay.settings import Settings
from assay.web.problems import Refused

# A proxy on this machine passes the requests of others on, and names them in one of these, or ought to.
_FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")
_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


def only_local(settings: Settings) -> Callable[[Request], None]:
    """A dependency that raises Refused for everybody but programs on this machine, and for those unless allowed."""

    def check(request: Request) -> None:
        if not settings.web_allow_changes:
            raise Refused(
                403,
                "nothing can be changed by HTTP here: use the command line, or set ASSAY_WEB_ALLOW_CHANGES",
            )
        reason = why_not_local(
            None if request.client is None else request.client.host, dict(request.headers.items())
        )
        if reason is not None:
            raise Refused(403, f"only programs on the machine that serves may change something: {reason}")

    return check


def why_not_local(client: str | None, headers: dict[str, str]) -> str | None:
    """Why a request is not from a program on this machine; None when it is. Header names in small letters."""
    if client is None or not _is_loopback(client):
        return "the request came from elsewhere"
    forwarded = [name for name in _FORWARDED if name in headers]
    if forwarded:
        return f"the request was passed on ({forwarded[0]})"
    # A page of a stranger in a browser on this machine is not the machine's owner, whatever name it gives to it.
    if _host_of(f"//{headers.get('host', '')}") not in _NAMES:
        return "it was sent to another name than localhost"
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != headers.get("host"):
        return "a page from elsewhere sent it"
    if headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}:
        return "a page from elsewhere sent it"
    return None


def _is_loopback(client: str) -> bool:
    try:
        address = ip_address(client)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def _host_of(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None
