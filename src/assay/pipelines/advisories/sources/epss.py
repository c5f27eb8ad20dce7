"""EPSS: the probability that a CVE is exploited within 30 days, one CSV file a day for all of them.

Shape: https://www.first.org/epss/data_stats. The files of 2021 name no model and have no percentile.
"""

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import chain

from assay.catalog.model import Scored
from assay.domain.identifiers import is_cve, normalise
from assay.errors import BadRecord, Permanent
from assay.pipelines.advisories.model import Download, ScoreDay, ScoreSource

# A row has about 40 bytes. What has no end of line for so long is no CSV of scores, and is not held.
_LONGEST_LINE = 65_536
_SHOWN = 120


def read_day(chunks: Iterable[bytes]) -> ScoreDay:
    """The scores of one file, read from its decompressed bytes as they come; only the CVE ids met are held.

    Rows that are no score come as BadRecord, by reason: `wrong-shape` (number of fields), `bad-id`,
    `not-a-number`, `out-of-range` (not from 0 to 1), `duplicate` (the first of a CVE counts). Permanent when
    the file has no date, for its scores could not be ordered among other days', no header, or endless lines.
    """
    lines = enumerate(_lines(chunks), start=1)
    comments: list[str] = []
    header = ""
    for _, line in lines:
        plain = line.strip("\ufeff \t\r")
        if plain.startswith("#"):
            comments.append(plain)
        elif plain:
            header = plain
            break
    told = _told(comments)
    return ScoreDay(
        scored_on=_day(told.get("score_date")),
        model=told.get("model_version") or None,
        scores=_scores(lines, _columns(header)),
    )


def _lines(chunks: Iterable[bytes]) -> Iterator[str]:
    """The lines of the file; bytes that are no text stay visible as U+FFFD, and fail with their row."""
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        if len(rest) > _LONGEST_LINE:
            raise Permanent("a line of the EPSS file does not end; look at what the address serves")
        if whole:
            yield from b"\n".join(whole).decode(errors="replace").split("\n")
    if rest:
        yield rest.decode(errors="replace")


def _told(comments: list[str]) -> dict[str, str]:
    """What the lines before the header tell: `#model_version:v2025.03.14,score_date:2025-03-20T...`."""
    parts = chain.from_iterable(line.strip("# ").split(",") for line in comments)
    return {
        key.strip().casefold(): value.strip()
        for key, colon, value in (part.partition(":") for part in parts)
        if colon
    }


_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?![0-9])")


def _day(text: str | None) -> date:
    match = _DAY.match(text or "")
    try:
        if match is not None:
            return date.fromisoformat(match[0])
    except ValueError:
        pass
    raise Permanent(
        f"the EPSS file has no score_date that is a date ({(text or '')[:_SHOWN]!r}): its scores cannot be "
        "ordered among those of other days; fetch a file with one"
    )


@dataclass(frozen=True, slots=True)
class _Columns:
    """Where the header puts each field, and how many there are."""

    cve: int
    score: int
    percentile: int | None
    width: int


def _columns(header: str) -> _Columns:
    names = [name.strip().casefold() for name in header.split(",")]
    if names.count("cve") != 1 or names.count("epss") != 1 or names.count("percentile") > 1:
        raise Permanent(
            f"the EPSS file has no header with cve and epss ({header[:_SHOWN]!r}); look at what it is"
        )
    percentile = names.index("percentile") if "percentile" in names else None
    return _Columns(names.index("cve"), names.index("epss"), percentile, len(names))


def _scores(lines: Iterator[tuple[int, str]], columns: _Columns) -> Iterator[Scored | BadRecord]:
    """Each row's score, from numbered lines."""
    seen: set[str] = set()
    for number, line in lines:
        if not line or line.isspace():
            continue
        try:
            scored = _scored(line, columns, seen)
        except BadRecord as problem:
            yield BadRecord(problem.reason, f"line {number}, {line[:_SHOWN]!r}: {problem.detail}")
        else:
            seen.add(scored.cve)
            yield scored


def _scored(line: str, columns: _Columns, seen: set[str]) -> Scored:
    fields = line.split(",")
    if len(fields) != columns.width:
        raise BadRecord("wrong-shape", f"{len(fields)} fields where the header has {columns.width}")
    cve = fields[columns.cve]
    if not is_cve(cve):
        cve = normalise(cve) or ""
        if not is_cve(cve):
            raise BadRecord("bad-id", "it names no CVE id")
    if cve in seen:
        raise BadRecord("duplicate", f"{cve} has a score already")
    score = _share(fields[columns.score])
    if columns.percentile is None:
        return Scored(cve, score, None)
    return Scored(cve, score, _share(fields[columns.percentile]))


def _share(text: str) -> float:
    try:
        share = float(text) if "_" not in text else math.nan  # float takes 0_1 for 1
    except ValueError:
        raise BadRecord("not-a-number", f"{text[:_SHOWN]!r} is no number") from None
    if 0.0 <= share <= 1.0:  # false for NaN, too
        return share
    raise BadRecord("out-of-range", f"{text[:_SHOWN]!r} is not between 0 and 1")


SOURCE = ScoreSource(
    name="epss",
    title="Exploit Prediction Scoring System",
    home="https://www.first.org/epss/",
    licence="Free to use with a citation of EPSS (FIRST, https://www.first.org/epss/)",
    attribution="EPSS scores by FIRST and Empirical Security, https://www.first.org/epss/.",
    transport=Download(url="https://epss.empiricalsecurity.com/epss_scores-current.csv.gz"),
    schedule="27 14 * * *",
    read_day=read_day,
    notes="Published once a day; scores of another model are not comparable with those before it.",
)
