"""Addresses of the web: as strangers write them, and our own."""

from urllib.parse import urldefrag, urljoin


def web_address(base: str, href: str | None) -> str | None:
    """The whole address, None for anything but http and https: `javascript:` and its kin are shown to nobody."""
    if not href or not href.strip():
        return None
    try:
        whole = urljoin(base, href.strip())
    except ValueError:
        return None
    return whole if whole.startswith(("https://", "http://")) else None


def without_fragment(address: str) -> str:
    """The address of the whole page."""
    return urldefrag(address).url


def address_at(host: str, port: int) -> str:
    """The base address of what listens there; one of IPv6 stands in brackets (RFC 3986, section 3.2.2)."""
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"
