"""What of a merged vulnerability stands in columns, to be searched by."""

from datetime import datetime
from typing import Any

from assay.catalog.model import LIVE
from assay.catalog.rules.matching import MatchRow
from assay.catalog.rules.merged import Merged
from assay.catalog.rules.replacing import Replacement
from assay.domain.plain import without_nul

# Characters of a headline and of package names that are searched: a tsvector holds a megabyte, a summary may hold more.
_MOST_WORDS = 20_000


def columns(
    key: int, entry: Replacement, scored: tuple[float, float | None] | None, now: datetime
) -> tuple[Any, ...]:
    """The row of a curated vulnerability under its key, in the order of the table; `scored` is its EPSS."""
    merged = entry.merged
    epss, percentile = scored if scored is not None else (None, None)
    return (
        key,
        without_nul(merged.name),
        merged.state.value,
        merged.summary and without_nul(merged.summary),
        merged.severity.value if merged.severity is not None else None,
        merged.cvss.version if merged.cvss is not None else None,
        merged.cvss.value if merged.cvss is not None else None,
        merged.cvss_vector and without_nul(merged.cvss_vector),
        merged.published,
        merged.modified,
        merged.withdrawn,
        epss,
        percentile,
        merged.exploited is not None,
        merged.exploited.added_on if merged.exploited is not None else None,
        list(merged.sources),
        list(merged.claims),
        merged.confidence,
        merged.needs_review,
        entry.remediated_at,
        now,
        entry.digest,
        _words(merged),
    )


def match_row(key: int, merged: Merged, row: MatchRow) -> tuple[Any, ...]:
    """A row of the match table, in the order of `store.add_affected`; what is retracted is never matched."""
    return (key, merged.state in LIVE, *row)


def _words(merged: Merged) -> str:
    """What a text search looks at. A few hundred package names say as much as all 23,000 would."""
    packages = " ".join(dict.fromkeys(name for _, name in merged.packages[:200]))
    return without_nul(f"{merged.headline[:_MOST_WORDS]} {packages[:_MOST_WORDS]}")
