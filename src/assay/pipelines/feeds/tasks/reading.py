"""A source as its reader takes it: options that were checked, secrets that were opened."""

from collections.abc import Mapping
from typing import Any

import msgspec

from assay.errors import Permanent
from assay.pipelines.feeds.model.sources import Kind, Source
from assay.pipelines.feeds.sources import discover
from assay.pipelines.feeds.tasks.gathering import Asked
from assay.pipelines.feeds.tasks.needs import Needs


def read_options(kind: Kind, options: Mapping[str, Any]) -> Any:
    """What is said of a source, as its reader takes it. Raises Permanent that names what is wrong."""
    try:
        return msgspec.convert(dict(options), discover()[kind].options)
    except (msgspec.ValidationError, RecursionError) as error:
        raise Permanent(f"the options of a source of the kind {kind} cannot be so: {error}") from error


def asked_of(ctx: Needs, source: Source, sealed: bytes | None) -> Asked:
    """A source as it is asked. Raises Permanent when its secrets cannot be opened, or its options are not taken."""
    return Asked(
        kind=source.kind,
        address=source.address,
        options=read_options(source.kind, source.options),
        cursor=source.cursor,
        secrets={} if sealed is None else ctx.seals.open(source.name, sealed),
    )
