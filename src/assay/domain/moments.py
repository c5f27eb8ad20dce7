"""Moments as strangers write them: RFC 3339, ISO 8601, RFC 5322, seconds or milliseconds since 1970."""

import re
from datetime import UTC, date, datetime, time
from email.utils import parsedate_to_datetime

# Matches "2024-05-01T10:11:12.3456789Z", whose fraction is longer than Python reads in 3.11.
_FRACTION = re.compile(r"(\.\d{6})\d+")
_SECONDS = re.compile(r"\d{9,10}(\.\d+)?")
_MILLISECONDS = re.compile(r"\d{12,13}")
# Matches "March 3, 2021" and "3 March 2021".
_WORDED = ("%B %d, %Y", "%d %B %Y", "%b %d, %Y", "%d %b %Y")
_FIRST_YEAR = 1970


def read_moment(said: object) -> datetime | None:
    """The moment in UTC, None where nothing of the kind is said. A date is its midnight; without a zone it is UTC's."""
    text = str(said).strip() if isinstance(said, str | int | float) and not isinstance(said, bool) else ""
    if not text or len(text) > 100:
        return None
    for attempt in (_since_1970, _iso, _mail, _worded):
        try:
            found = attempt(text)
        except (ValueError, OverflowError, OSError, TypeError, IndexError):
            continue
        if found is not None:
            return _in_utc(found)
    return None


def _in_utc(moment: datetime) -> datetime | None:
    try:
        found = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:
        return None
    return found if found.year >= _FIRST_YEAR else None


def _since_1970(text: str) -> datetime | None:
    if _SECONDS.fullmatch(text):
        return datetime.fromtimestamp(float(text), UTC)
    return datetime.fromtimestamp(int(text) / 1000, UTC) if _MILLISECONDS.fullmatch(text) else None


def _iso(text: str) -> datetime:
    if len(text) == len("2024-05-01"):
        return datetime.combine(date.fromisoformat(text), time())
    return datetime.fromisoformat(_FRACTION.sub(r"\1", text))


def _mail(text: str) -> datetime:
    return parsedate_to_datetime(text)


def _worded(text: str) -> datetime | None:
    for form in _WORDED:
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC)
        except ValueError:
            continue
    return None
