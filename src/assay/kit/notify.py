"""Notices to people, by mail, chat or anything else that apprise reaches."""

import logging
import threading
from typing import Any

from assay.errors import Permanent, Transient

# apprise writes what went wrong into its log and nowhere else; one message at a time tells whose line it is.
_MUTEX = threading.Lock()


def send(address: str, title: str, text: str) -> None:
    """Send one message. Raises Transient when it could not be sent, Permanent for an address that is none."""
    plugin = _plugin(address)
    with _MUTEX, _captured() as log:
        is_sent = plugin.notify(title=title, body=text, body_format="text")
        said = log.getvalue().splitlines()
    if not is_sent:
        raise Transient(f"the notice was not sent: {_reason(said, is_mail=address.startswith('mailto'))}")


def _reason(lines: list[str], *, is_mail: bool) -> str:
    # What a mail server answered stands in the log for developers. That of others may name the secret address.
    kept = [
        message
        for level, _, message in (line.partition("|") for line in lines)
        if level in {"WARNING", "ERROR", "CRITICAL"} or (is_mail and "Exception" in message)
    ]
    return " ".join(" ".join(kept).split()) or "no reason was given"


def _captured() -> Any:
    import apprise  # noqa: PLC0415 - it takes long to load and is needed for notices only

    return apprise.LogCapture(level=logging.DEBUG, fmt="%(levelname)s|%(message)s")  # type: ignore[no-untyped-call]  # it has no types


def _plugin(address: str) -> Any:
    import apprise  # noqa: PLC0415

    # In memory: nothing about a channel is left on the disk.
    asset = apprise.AppriseAsset(
        app_id="Assay", app_desc="Assay", storage_mode=apprise.PersistentStoreMode.MEMORY
    )
    plugin = apprise.Apprise.instantiate(address, asset=asset, suppress_exceptions=True)
    if plugin is None:
        scheme = address.partition("://")[0] if "://" in address else "no scheme"
        raise Permanent(
            f"this is no address that can be notified ({scheme}): see the list of services of apprise"
        )
    return plugin
