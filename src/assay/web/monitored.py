"""The filter by watched products, which the catalog knows nothing of."""

from dataclasses import replace

from assay.catalog.queries import Filters
from assay.kit.db import Connection
from assay.pipelines.feeds.queries.products import touched_ids


def narrowed(conn: Connection, filters: Filters, monitored: bool | None) -> Filters:
    """The filters, letting only pass what touches a watched product, or what touches none; None for all."""
    if monitored is None:
        return filters
    keys = touched_ids(conn)
    return replace(filters, only=keys) if monitored else replace(filters, besides=keys)
