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
        said = log.getvalue()
    if not is_sent:
        reason = " ".join(said.split()) or "no reason was given"
        raise Transient(f"the notice was not sent: {reason}")


def _captured() -> Any:
    import apprise  # noqa: PLC0415 - it takes long to load and is needed for notices only

    return apprise.LogCapture(level=logging.INFO, fmt="%(message)s")  # type: ignore[no-untyped-call]  # it has no types


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
