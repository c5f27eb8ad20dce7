"""What of a finished record a package is matched against: intervals of version keys, listed versions, commits."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from assay.catalog.rules.affected import can_be_kept, package_key
from assay.domain.matching import Span, spans
from assay.domain.origins import read_commit
from assay.domain.osv import Affected
from assay.domain.plain import without_nul
from assay.domain.versions import key

# A fixed version is shown, and kept in the index for that; no real one is longer.
_LONGEST_FIXED = 100


class MatchRow(NamedTuple):
    """One row of the match table, without its vulnerability; `catalog.affected` says what each column means."""

    ecosystem: str
    release: str
    name: str
    lower: bytes | None = None
    upper: bytes | None = None
    is_upper_included: bool = False
    is_unread: bool = False
    fixed: str | None = None
    listed: list[str] | None = None


def match_rows(affected: Sequence[Affected]) -> tuple[MatchRow, ...]:
    """The match rows of a record, in its order, each once.

    A version is affected if it is in an interval or listed (OSV schema, section "Evaluation"): listed versions that
    an interval holds anyway are left out.
    """
    rows: dict[tuple[object, ...], MatchRow] = {}
    for entry in affected:
        full, name = package_key(entry)
        if can_be_kept(full, name):
            ecosystem, _, release = full.partition(":")
            for row in _rows(entry, full, MatchRow(ecosystem, release, name)):
                rows.setdefault((*row[:-1], tuple(row.listed or ())), row)
    return tuple(rows.values())


def _rows(entry: Affected, ecosystem: str, package: MatchRow) -> Iterator[MatchRow]:
    found = spans(ecosystem, entry.ranges)
    points, texts = _listed_elsewhere(ecosystem, entry.versions, found.spans)
    for span in found.spans:
        fixed = span.fixed if span.fixed is not None and len(span.fixed) <= _LONGEST_FIXED else None
        yield package._replace(
            lower=span.lower,
            upper=span.upper,
            is_upper_included=span.is_upper_included,
            fixed=without_nul(fixed) if fixed is not None else None,
        )
    for point in points:
        yield package._replace(lower=point, upper=point, is_upper_included=True)
    if texts or found.unread:
        yield package._replace(listed=texts or None, is_unread=bool(found.unread))
    elif not found.spans and not points:
        yield package


def _listed_elsewhere(
    ecosystem: str, versions: Sequence[str], intervals: Sequence[Span]
) -> tuple[list[bytes], list[str]]:
    """The listed versions outside all intervals: as keys, sorted, and as texts where they have none."""
    points: set[bytes] = set()
    texts: dict[str, None] = {}
    for version in versions:
        found = key(ecosystem, version)
        if found is None:
            texts[without_nul(version)] = None
        elif not any(span.holds(found) for span in intervals):
            points.add(found)
    return sorted(points), list(texts)


def affected_commits(affected: Sequence[Affected]) -> tuple[bytes, ...]:
    """The commits that GIT ranges themselves name as affected, each once.

    That is where they were introduced and the last affected ones. Which commits lie between them only the
    repository knows.
    """
    found: dict[bytes, None] = {}
    for entry in affected:
        for span in entry.ranges:
            if span.type != "GIT":
                continue
            for event in span.events:
                for commit in (event.introduced, event.last_affected):
                    if commit is not None and (written := read_commit(commit)) is not None:
                        found[written] = None
    return tuple(found)
