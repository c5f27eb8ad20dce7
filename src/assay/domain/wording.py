"""Numbers, lengths of time and moments as people read them, on a terminal and on a page."""

import re
import unicodedata
from datetime import UTC, date, datetime, timedelta

# Cron expressions of the two kinds that sources have: `13 * * * *` and `30 4 * * *`.
_HOURLY = re.compile(r"(\d+) \* \* \* \*")
_DAILY = re.compile(r"(\d+) (\d+) \* \* \*")
_IN_BYTES = ("fetch", "dump", "unpack", "load")
_UNITS = {"read": "records", "merge": "claims", "changes": "objects", "rebuild": "claims", "try": "claims"}


def number(value: int) -> str:
    """A whole number with its thousands apart."""
    return f"{value:,}"


def counted(value: int, one: str, many: str | None = None) -> str:
    """A number with what it counts: `1 record`, `2 records`."""
    return f"{value:,} {one if value == 1 else many or one + 's'}"


def size(value: int) -> str:
    """A number of bytes as people read it, in powers of 1,000."""
    amount = float(value)
    for unit in ("bytes", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:,.0f} {unit}" if unit == "bytes" or amount >= 100 else f"{amount:,.1f} {unit}"
        amount /= 1000
    return f"{amount:,.1f} TB"


def seconds(value: float) -> str:
    """A length of time: `0.4 s`, `12.3 s`, `3 min 05 s`."""
    if value < 60:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min"


def age(past: datetime, now: datetime) -> str:
    """How long ago something was, in the largest unit that is whole."""
    gone = max(now - past, timedelta(0))
    for unit, length in (
        ("day", timedelta(days=1)),
        ("hour", timedelta(hours=1)),
        ("minute", timedelta(minutes=1)),
    ):
        if gone >= length:
            return f"{counted(gone // length, unit)} ago"
    return "just now"


def day(moment: datetime | date | None) -> str:
    """The day of a moment in UTC, empty where there is none."""
    if isinstance(moment, datetime):
        moment = moment.astimezone(UTC).date()
    return "" if moment is None else moment.isoformat()


def moment(value: datetime) -> str:
    """A moment in UTC, to the minute."""
    return f"{value.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def percent(share: float) -> str:
    """A share between 0 and 1 in per cent; what is not nothing is never shown as nothing."""
    value = share * 100
    if 0 < value < 0.1:
        return "<0.1 %"
    return f"{value:.1f} %"


def confidence(value: float) -> str:
    """A confidence to two digits, the rest cut off: one below a threshold is never shown as having reached it."""
    # Confidences have four digits, and 0.29 * 100 is less than 29.
    return f"{round(value * 10_000) // 100 / 100:.2f}"


def until(moment: datetime, now: datetime) -> str:
    """How long it is until a moment."""
    left = moment - now
    return "now" if left <= timedelta(0) else f"in {seconds(left.total_seconds())}"


def schedule_in_words(cron: str) -> str:
    """A cron expression as people say it, or as it is."""
    if found := _HOURLY.fullmatch(cron):
        return f"hourly at minute {int(found[1])}"
    if found := _DAILY.fullmatch(cron):
        return f"daily at {int(found[2]):02d}:{int(found[1]):02d} UTC"
    return cron


def amount(step: str, done: int, total: int | None, *, is_repository: bool = False) -> str:
    """How far a step is, in what the step counts: bytes where some are moved, except where git counts."""
    if step not in _IN_BYTES:
        of = "" if total is None or total == done else f" of {number(total)}"
        return f"{number(done)}{of} {_UNITS.get(step, '')}".rstrip()
    if is_repository:
        return f"{done / total:.0%}" if total else number(done)
    return size(done) if total is None or total == done else f"{size(done)} of {size(total)}"


def first_line(said: str | None) -> str:
    """The first line of what was said, empty for nothing."""
    return (said or "").strip().partition("\n")[0]


def progress_in_words(done: int | None, total: int | None, message: str | None) -> str:
    """How far a running job is, empty where it did not say. Tasks say `osv: read`, as the foreground does."""
    if done is None:
        return ""
    said, _, step = (message or "").rpartition(": ")
    return " ".join(part for part in (said, step, amount(step, done, total)) if part)


def clean(text: str, *, keep_lines: bool = False) -> str:
    r"""A text of strangers without anything that a terminal would obey: `\x1b` and its like become visible.

    So do marks that turn the direction of writing (Unicode category Cf), which make a text read as another.
    """
    allowed = "\n\t" if keep_lines else ""
    if text.isprintable():
        return text
    return "".join(_visible(char, allowed) for char in text)


def _visible(char: str, allowed: str) -> str:
    if char.isprintable() or char in allowed:
        return char
    if char in "\n\t\r" or unicodedata.category(char).startswith("Z"):
        return " "
    return char.encode("unicode_escape").decode("ascii")
