"""Dates as texts write them, and which of them is the day of publication."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from assay.pipelines.feeds.model.extraction import Prose, Quote, Value

_MONTHS = {
    name: number
    for number, name in enumerate(
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], 1
    )
}
_MONTH = (
    r"(?P<{0}>Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?"
    r"|Sept?(?:ember)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)"
)
_DATE = re.compile(
    r"(?<![\w.-])(?:(?P<y1>(?:19|20)[0-9]{2})-(?P<m1>[01]?[0-9])-(?P<d1>[0-3]?[0-9])(?:[T "
    r"](?P<time>[0-2][0-9]:[0-5][0-9](?::[0-5][0-9])?)(?:\.[0-9]{1,9})?[ ]?(?P<zone>Z|UTC|GMT"
    r"|[+-][0-9]{2}:?[0-9]{2})?)?"
    rf"|{_MONTH.format('m2')}\.? (?P<d2>[0-3]?[0-9])(?:st|nd|rd|th)?,? (?P<y2>(?:19|20)[0-9]{{2}})"
    rf"|(?P<d3>[0-3]?[0-9])(?:st|nd|rd|th)?[ -](?:of )?{_MONTH.format('m3')}\.?,?[ -](?P<y3>(?:19|20)[0-9]{{2}})"
    r"|(?P<y4>(?:19|20)[0-9]{2})/(?P<m4>[01]?[0-9])/(?P<d4>[0-3]?[0-9]))(?![0-9])",
    re.IGNORECASE,
)
_PUBLISHED = re.compile(
    r"(?:publish(?:ed|ing)?|publication|public|released?|announced|issued|advisory|date|posted"
    r"|initial|disclos(?:ed|ure)|first)"
    r"(?:[ _-]*(?:date|on|time|release|at|publication|published|version|this advisory))*[ \t:=*|,(-]*(?:the )?$",
    re.IGNORECASE,
)
_MAILED = re.compile(r"\s*(?:[A-Z][a-z]{2},\s+)?[0-9]{1,2}\s+[A-Z][a-z]{2}\s+[0-9]{4}\s+[0-9]{1,2}:[0-9]{2}")
_HEAD = 300


def dates(text: str) -> Iterator[tuple[datetime, Quote]]:
    """Every date in the text that a calendar has, in UTC; a day stands for its first moment."""
    for match in _DATE.finditer(text):
        moment = _moment(match)
        if moment is not None:
            yield moment, Quote(*match.span())


def read_date(text: str) -> datetime | None:
    """One date: RFC 3339, the date of a mail (RFC 5322), or as people write it."""
    found = None if _MAILED.match(text) else next(dates(text[:200]), None)
    if found is not None and found[1].start <= 12:
        return found[0]
    try:
        moment = parsedate_to_datetime(text[:100])
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None if found is None else found[0]


def published(prose: Prose) -> Value | None:
    """The day of publication: what the entry's format says, else a date after a word for it, else one near the top."""
    if prose.published is not None:
        return Value(value=_written(prose.published), confidence=0.97, why="the entry's own date")
    near = None
    for moment, quote in dates(prose.text):
        if _PUBLISHED.search(prose.text, max(0, quote.start - 60), quote.start):
            return Value(value=_written(moment), confidence=0.8, quotes=(quote,))
        if near is None and quote.start < _HEAD:
            near = Value(value=_written(moment), confidence=0.6, quotes=(quote,))
    return near


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _moment(match: re.Match[str]) -> datetime | None:
    for number in "1234":
        if match[f"y{number}"]:
            month = match[f"m{number}"]
            month_number = int(month) if month.isdigit() else _MONTHS[month[:3].lower()]
            time = match["time"] if number == "1" else None
            zone = (
                (match["zone"] or "").upper().replace("UTC", "Z").replace("GMT", "Z") if number == "1" else ""
            )
            written = (
                f"{match[f'y{number}']}-{month_number:02d}-{int(match[f'd{number}']):02d}T"
                f"{time or '00:00'}{zone or 'Z'}"
            )
            try:
                return datetime.fromisoformat(written).astimezone(UTC)
            except (ValueError, OverflowError):
                return None
    return None
