"""Addresses of the web as strangers write them."""

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
