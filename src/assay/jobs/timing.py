"""When something runs by itself: cron expressions and intervals, as values."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, cast

import croniter

from assay.errors import Permanent

SHORTEST = timedelta(minutes=1)
# Of the schedules that have one: a source is looked at once in three days at least.
LONGEST = timedelta(hours=72)
OFF = "off"
# How many ticks of a cron expression are looked at to find its longest pause: a month of hours.
_TICKS = 800

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_NAMES = frozenset((*_MONTHS, "mon", "tue", "wed", "thu", "fri", "sat", "sun", "l"))
_CRON = re.compile(r"@(hourly|daily|midnight|weekly|monthly)|[\d*/,A-Za-z?#L-]+( [\d*/,A-Za-z?#L-]+){4}")
_PART = re.compile(r"(\d{1,6})\s*(seconds?|sec|s|minutes?|mins?|m|hours?|h|days?|d)\s*")
_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


@dataclass(frozen=True, slots=True)
class Cron:
    """Every moment that a cron expression of five fields matches, in UTC."""

    expression: str

    def after(self, moment: datetime) -> datetime:
        """The first tick after a moment."""
        found = croniter.croniter(self.expression, moment.astimezone(UTC)).get_next(datetime)
        return cast(datetime, found)

    def longest_pause(self, moment: datetime) -> timedelta:
        """The longest time between two of its next ticks."""
        ticks: Any = croniter.croniter(self.expression, moment.astimezone(UTC))
        found: list[datetime] = [ticks.get_next(datetime) for _ in range(_TICKS)]
        return max((later - earlier for earlier, later in pairwise(found)), default=timedelta(0))


@dataclass(frozen=True, slots=True)
class Every:
    """Again and again after the same time."""

    interval: timedelta

    def after(self, moment: datetime) -> datetime:
        """The first tick after a moment that was one."""
        return moment + self.interval

    def longest_pause(self, _: datetime) -> timedelta:
        """The interval."""
        return self.interval


Timing = Cron | Every


def read_timing(spec: str) -> Timing:
    """What `13 * * * *`, `@hourly`, `every 90m` or `1h 30m` mean. Raises Permanent that says what can be written."""
    text = " ".join(spec.split())
    parts = _intervals(text.removeprefix("every ").strip())
    if parts is not None:
        if not SHORTEST <= parts <= timedelta(days=366):
            raise Permanent(f"{spec!r}: an interval is between 1 minute and a year")
        return Every(parts)
    if _CRON.fullmatch(text) and (text.startswith("@") or _NAMES.issuperset(_words(text))):
        try:
            cron = Cron(text)
            cron.after(datetime(2024, 1, 1, tzinfo=UTC))
        except (croniter.CroniterError, ValueError, KeyError) as error:
            raise Permanent(f"{spec!r} is no schedule: {error}") from error
        return cron
    raise Permanent(
        f"{spec!r} is no schedule: write a cron expression of five fields, in UTC, such as '13 * * * *', "
        "or an interval such as 'every 90m' or 'every 6h'"
    )


def _words(text: str) -> list[str]:
    # The parser knows more of them (H, R, W), which no other program reads.
    return re.findall(r"[a-z]+", text.lower())


def _intervals(text: str) -> timedelta | None:
    total, place = 0, 0
    while place < len(text):
        found = _PART.match(text, place)
        if found is None:
            return None
        total += int(found[1]) * _UNITS[found[2][0]]
        place = found.end()
    return timedelta(seconds=total) if text else None


def check_pause(spec: str, timing: Timing, longest: timedelta, now: datetime) -> None:
    """Raise Permanent for a schedule that pauses for longer than it may."""
    if timing.longest_pause(now) > longest:
        hours = longest.total_seconds() / 3600
        raise Permanent(
            f"{spec!r} pauses for too long: this runs at least every {hours:g} hours, at most every minute"
        )


@dataclass(frozen=True, slots=True)
class Waiting:
    """A schedule as it waits: the tick it waits for, and when that is to run, the jitter included."""

    timing: Timing
    due_at: datetime | None
    next_run_at: datetime | None
    last_run_at: datetime | None
    jitter: timedelta
    grace: timedelta


@dataclass(frozen=True, slots=True)
class Step:
    """What to do with a schedule now, and the tick it then waits for."""

    runs: bool
    is_missed: bool
    due_at: datetime
    next_run_at: datetime


def step(waiting: Waiting, now: datetime, share: float) -> Step | None:
    """What to do with a schedule at this moment, None when it just waits on. `share` of 0 to 1 is its next jitter.

    Ticks that were missed are made up for by one run when the last of them is within the grace time, else by none
    until the next tick. A tick so far away that the timing itself would have one earlier comes from a clock that was
    set back, and is planned anew.
    """

    def planned(due: datetime, *, runs: bool = False, is_missed: bool = False) -> Step:
        return Step(runs, is_missed, due, due + waiting.jitter * share)

    due = waiting.due_at
    if due is None or waiting.next_run_at is None:
        return planned(_first(waiting, now))
    if now < waiting.next_run_at:
        is_too_far = waiting.timing.after(now) < due - timedelta(seconds=1)
        return planned(waiting.timing.after(now)) if is_too_far else None
    last = _newest_tick(waiting.timing, due, now)
    is_missed = now - max(last + waiting.jitter, last) > waiting.grace
    return planned(_next_tick(waiting.timing, last, now), runs=not is_missed, is_missed=is_missed)


def _first(waiting: Waiting, now: datetime) -> datetime:
    if isinstance(waiting.timing, Cron):
        return waiting.timing.after(now)
    if waiting.last_run_at is None:
        return now
    return max(now, waiting.timing.after(waiting.last_run_at))


def _newest_tick(timing: Timing, due: datetime, now: datetime) -> datetime:
    """The newest tick that has passed, of those from `due` on."""
    if isinstance(timing, Every):
        return due + timing.interval * ((now - due) // timing.interval)
    newest: datetime = croniter.croniter(timing.expression, now.astimezone(UTC)).get_prev(datetime)
    return max(due, newest)


def _next_tick(timing: Timing, last: datetime, now: datetime) -> datetime:
    following = timing.after(last)
    return following if following > now else timing.after(now)
