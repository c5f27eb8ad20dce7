"""What sources of entries may reach, and what their secrets are sealed with."""

from datetime import timedelta
from typing import TYPE_CHECKING

from assay import __version__
from assay.bootstrap.places import SECRETS_KEY
from assay.errors import Permanent
from assay.settings import Settings
from assay.settings.feeds import FeedSettings

if TYPE_CHECKING:
    from assay.kit.http import Http
    from assay.kit.sealing import Seals
    from assay.pipelines.feeds.model.sources import Limits


def open_outside(settings: Settings) -> "Http":
    """A client that connects to public addresses and to those that the settings allow. Raises Permanent for nonsense.

    A source that fails comes again by itself, so it is not waited for as long as others.
    """
    from assay.kit.http import Http, HttpOptions
    from assay.kit.reach import Reach
    from assay.kit.transfer import Backoff

    try:
        reach = Reach.read(settings.feeds.reachable)
    except ValueError as error:
        raise Permanent(f"wrong settings: ASSAY_FEEDS__REACHABLE: {error}") from error
    return Http(
        HttpOptions(
            user_agent=f"assay/{__version__}",
            proxy=settings.proxy,
            read_seconds=settings.http_timeout,
            backoff=Backoff(retries=1, first_seconds=1.0, patience_seconds=5.0),
            reach=reach,
        )
    )


def load_seals(settings: Settings) -> "Seals":
    """What secrets are sealed with; without keys in the settings, the one in the home folder."""
    from assay.kit.sealing import Seals

    keys = tuple(key.get_secret_value() for key in settings.feeds.keys)
    return Seals(settings.home / SECRETS_KEY, keys)


def load_limits(settings: FeedSettings) -> "Limits":
    """What sources may read on this server, and how much they may give."""
    from assay.pipelines.feeds.model.sources import Limits

    return Limits(
        roots=tuple(root.expanduser() for root in settings.roots),
        document_bytes=settings.max_mb << 20,
        total_bytes=settings.max_total_mb << 20,
        seconds=settings.max_seconds,
        retention=timedelta(days=settings.retention_days),
    )
