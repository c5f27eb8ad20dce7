"""What of a merged vulnerability stands in columns, to be searched by."""

from datetime import UTC, datetime
from hashlib import md5
from typing import Any

from assay.catalog.model import GRAVITIES, LIVE, tenths
from assay.catalog.rules.matching import MatchRow
from assay.catalog.rules.merged import Merged
from assay.catalog.rules.replacing import Replacement
from assay.domain.plain import without_nul

# Characters of a headline and of package names that are searched: a tsvector holds a megabyte, a summary may hold more.
_MOST_WORDS = 20_000
_MOST_PRODUCTS = 200


_NOBODY_TELLS = datetime(1900, 1, 1, tzinfo=UTC)
_NO_SCORE = -1.0


def origin_row(merged: Merged) -> tuple[int, list[str], list[str]]:
    """The sources of a vulnerability and the ecosystems of its match rows, under a key that is made of them.

    The key is the same in every process, and 64 bits tell some thousands of rows apart.
    """
    ecosystems = sorted({row[0] for row in merged.matches})
    text = "\n".join(merged.sources) + "\n\n" + "\n".join(ecosystems)
    fingerprint = md5(text.encode(), usedforsecurity=False).digest()
    return int.from_bytes(fingerprint[:8], "big", signed=True), list(merged.sources), ecosystems


def facet_row(
    key: int,
    entry: Replacement,
    scored: tuple[float, float | None] | None,
    origin: int,
    *,
    is_remediated: bool,
) -> tuple[Any, ...]:
    """The narrow row of a curated vulnerability, in the order of `store.add_facets`; `origin` is its origins' key."""
    merged = entry.merged
    severity = 0 if merged.severity is None else GRAVITIES[merged.severity]
    return (
        key,
        merged.modified or _NOBODY_TELLS,
        merged.published or _NOBODY_TELLS,
        origin,
        _NO_SCORE if scored is None else scored[0],
        severity * 1000 + (0 if merged.cvss is None else tenths(merged.cvss.value)),
        merged.state.number,
        merged.exploited is not None,
        merged.needs_review,
        is_remediated,
        without_nul(merged.name),
    )


def columns(
    key: int,
    entry: Replacement,
    scored: tuple[float, float | None] | None,
    now: datetime,
    remediated_at: datetime | None,
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
        remediated_at,
        now,
        entry.digest,
        _words(merged),
    )


def match_row(key: int, merged: Merged, row: MatchRow) -> tuple[Any, ...]:
    """A row of the match table, in the order of `store.add_affected`; what is retracted is never matched."""
    return (key, merged.state in LIVE, *row)


def _words(merged: Merged) -> str:
    """What a text search looks at. A few hundred package names say as much as all 23,000 would.

    Products are among it: half of what the CVE list says of Splunk has no "Splunk" in its title.
    """
    packages = " ".join(dict.fromkeys(name for _, name in merged.packages[:200]))
    words = f"{merged.headline[:_MOST_WORDS]} {packages[:_MOST_WORDS]}"
    if merged.products:
        told = (
            name for one in merged.products[:_MOST_PRODUCTS] for name in (one.vendor, one.product) if name
        )
        words += f" {' '.join(dict.fromkeys(told))[:_MOST_WORDS]}"
    return without_nul(words)
