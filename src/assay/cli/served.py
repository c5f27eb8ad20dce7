"""Where this home's service is reached: written down while one runs, for the commands that print links to it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import psutil

from assay.domain.web_address import address_at
from assay.settings import Settings

_FILE = "served.json"


class _Served(msgspec.Struct):
    url: str
    process: int


_read = msgspec.json.Decoder(_Served).decode


@contextmanager
def told(home: Path, url: str) -> Iterator[None]:
    """Other commands know the address for as long as the block lasts."""
    file = home / _FILE
    draft = file.with_suffix(f".{os.getpid()}")
    draft.write_bytes(msgspec.json.encode(_Served(url, os.getpid())))
    draft.replace(file)
    try:
        yield
    finally:
        # Another service of this home may have started since; the address is its own then.
        if served_at(home) == url:
            file.unlink(missing_ok=True)


def served_at(home: Path) -> str | None:
    """The address of the home's service; None where none runs."""
    try:
        served = _read((home / _FILE).read_bytes())
    except (OSError, msgspec.MsgspecError):
        return None
    # A killed one could not take its word back.
    return served.url if psutil.pid_exists(served.process) else None


def public_url(settings: Settings, url: str | None = None) -> str:
    """Where people reach the service: what the settings say, else the given address, the running one's, or the one that
    the next would have.
    """
    return (
        settings.web_public_url
        or url
        or served_at(settings.home)
        or reachable(address_at(settings.web_host, settings.web_port))
    )


def reachable(url: str) -> str:
    """The address as a browser on this machine can ask for it."""
    return url.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:")
