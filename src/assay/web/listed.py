"""One vulnerability of a list as programs and spreadsheets read it."""

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from urllib.parse import quote

import msgspec

from assay.catalog.queries import Hit

# A spreadsheet takes what begins with one of these for a formula (OWASP, "CSV injection").
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class Listed(msgspec.Struct, frozen=True):
    """One vulnerability of a list; `url` is where all of it is."""

    name: str
    state: str
    summary: str
    severity: str | None
    cvss_score: float | None
    epss: float | None
    epss_percentile: float | None
    exploited: bool
    exploited_on: date | None
    published_at: datetime | None
    modified_at: datetime | None
    sources: list[str]
    needs_review: bool
    remediated_at: datetime | None
    url: str


def listed(hit: Hit) -> Listed:
    """A line of a list."""
    return Listed(
        name=hit.name,
        state=hit.state,
        summary=hit.summary,
        severity=hit.severity,
        cvss_score=hit.cvss_score,
        epss=hit.epss,
        epss_percentile=hit.epss_percentile,
        exploited=hit.is_exploited,
        exploited_on=hit.exploited_on,
        published_at=hit.published_at,
        modified_at=hit.modified_at,
        sources=hit.sources,
        needs_review=hit.needs_review,
        remediated_at=hit.remediated_at,
        url=f"/v1/vulnerabilities/{quote(hit.name, safe='')}",
    )


def as_lines(pages: Iterable[list[Hit]]) -> Iterator[bytes]:
    """A JSON list, a line for each, page by page."""
    joint = b"["
    for hits in pages:
        if hits:
            yield joint + b",\n".join(msgspec.json.encode(listed(hit)) for hit in hits)
            joint = b",\n"
    yield b"[]\n" if joint == b"[" else b"]\n"


def as_csv(pages: Iterable[list[Hit]]) -> Iterator[bytes]:
    """CSV (RFC 4180), page by page. Texts that a spreadsheet would take for formulas begin with an apostrophe."""
    text = io.StringIO()
    rows = csv.writer(text)
    columns = [name for name in Listed.__struct_fields__ if name != "url"]
    rows.writerow(columns)
    for hits in pages:
        for hit in hits:
            one = listed(hit)
            rows.writerow([_cell(getattr(one, name)) for name in columns])
        yield text.getvalue().encode(errors="replace")
        text.seek(0)
        text.truncate()


def _cell(value: object) -> object:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case datetime() | date():
            return value.isoformat().replace("+00:00", "Z")
        case list():
            value = " ".join(value)
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
