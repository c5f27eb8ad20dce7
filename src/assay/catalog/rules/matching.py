"""What of a finished record a package is matched against: intervals of version keys, listed versions, commits."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import NamedTuple

from assay.catalog.rules.affected import can_be_kept, package_key
from assay.domain.matching import Span, spans
from assay.domain.origins import read_commit
from assay.domain.osv import Affected
from assay.domain.plain import without_nul
from assay.domain.versions import keys

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
    listed: tuple[str, ...] | None = None


def match_rows(affected: Sequence[Affected]) -> tuple[MatchRow, ...]:
    """The match rows of a record, in its order, each once.

    A version is affected if it is in an interval or listed (OSV schema, section "Evaluation"): listed versions that
    an interval holds anyway are left out.
    """
    rows: list[MatchRow] = []
    for entry in affected:
        full, name = package_key(entry)
        if can_be_kept(full, name):
            rows += _rows(entry, full, name)
    return tuple(dict.fromkeys(rows)) if len(rows) > 1 else tuple(rows)


def _rows(entry: Affected, full: str, name: str) -> list[MatchRow]:
    ecosystem, _, release = full.partition(":")
    found = spans(full, entry.ranges)
    points, texts = _listed_elsewhere(full, entry.versions, found.spans) if entry.versions else ((), ())
    rows = [
        MatchRow(
            ecosystem,
            release,
            name,
            span.lower,
            span.upper,
            span.is_upper_included,
            False,
            _shown(span.fixed),
        )
        for span in found.spans
    ]
    rows += [MatchRow(ecosystem, release, name, point, point, True) for point in points]
    if texts or found.unread or not rows:
        rows.append(
            MatchRow(ecosystem, release, name, is_unread=bool(found.unread), listed=tuple(texts) or None)
        )
    return rows


def _shown(fixed: str | None) -> str | None:
    return without_nul(fixed) if fixed is not None and len(fixed) <= _LONGEST_FIXED else None


def _listed_elsewhere(
    ecosystem: str, versions: Sequence[str], intervals: Sequence[Span]
) -> tuple[list[bytes], list[str]]:
    """The listed versions outside all intervals: as keys, sorted, and as texts where they have none."""
    found = keys(ecosystem, versions)
    texts = (
        {without_nul(version): None for version, at in zip(versions, found, strict=True) if at is None}
        if None in found
        else {}
    )
    points = sorted({at for at in found if at is not None})
    outside: list[bytes] = []
    passed = 0
    for span in intervals:
        begin = bisect_left(points, span.lower, passed)
        outside += points[passed:begin]
        find = bisect_right if span.is_upper_included else bisect_left
        passed = len(points) if span.upper is None else find(points, span.upper, begin)
    return outside + points[passed:], list(texts)


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
