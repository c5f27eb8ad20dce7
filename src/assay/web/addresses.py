"""Where a request comes from: by what it is counted, and whether it is from this very machine."""

from ipaddress import ip_address
from urllib.parse import urlsplit

from fastapi import Request

# A proxy on this machine passes the requests of others on, and names them in one of these, or ought to.
_FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")
_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


def address_of(request: Request) -> str | None:
    """The address a request comes from, as the server and its trusted proxies say."""
    return None if request.client is None else request.client.host


def is_of_this_machine(request: Request) -> bool:
    """Whether a program on this machine sent a request itself, and no page of a stranger in a browser on it did."""
    client = address_of(request)
    if client is None or not _is_loopback(client) or any(name in request.headers for name in _FORWARDED):
        return False
    # A stranger's name may lead to this machine too, and their page may then read what it is told.
    return _host_of(f"//{request.headers.get('host', '')}") in _NAMES


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
