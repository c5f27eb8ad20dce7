"""What may be asked of the room now: acknowledge an alert, try the channels, stand in for workers that are gone."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from assay.errors import AssayError, Conflict, NotFound
from assay.kit.db import Connection
from assay.monitoring import queries, store
from assay.monitoring.model import Alert, AlertState, Event, Notice, Rule, Severity
from assay.monitoring.rules.notices import compose
from assay.monitoring.tasks import Needs, deliver, deliver_later, watch, watch_now

__all__ = [
    "Needs",
    "Tried",
    "deliver_later",
    "look_after",
    "stand_in",
    "try_channels",
    "watch",
]
__all__ += ["watch_now"]

# What is past its worth is not delivered by the one who stands in for the workers.
_WORTHLESS = timedelta(days=1)
_MOST_TRIES = 20
# A look is a minute away. After this much silence nobody looks any more.
_SILENCE = timedelta(minutes=3)


def look_after(conn: Connection, key: int, who: str, note: str | None, now: datetime) -> Alert:
    """The alert, which is told again only when it is over. Raises NotFound, Conflict for one that is over."""
    alert = queries.get_alert(conn, key)
    if not store.acknowledge(conn, key, who, note, now):
        raise Conflict(f"alert {key} is {alert.state.value} and needs no acknowledgement")
    return queries.get_alert(conn, key)


def stand_in(ctx: Needs) -> bool:
    """Look and deliver in the place of workers that have not for three minutes; whether that was necessary.

    A worker cannot tell that there is none. What it does is what they would do, so doing it twice is no harm.
    """
    with ctx.db.transaction() as conn:
        looked_at = queries.observed_at(conn)
    if looked_at is not None and ctx.clock() - looked_at < _SILENCE:
        return False
    watch(ctx)
    deliver_unsent(ctx)
    return True


def deliver_unsent(ctx: Needs) -> list[tuple[int, str | None]]:
    """Deliver what waits, without workers: (notice, error or None) for each that was tried."""
    with ctx.db.transaction() as conn:
        keys = store.find_unsent(conn, ctx.clock() - _WORTHLESS, _MOST_TRIES)
    done: list[tuple[int, str | None]] = []
    for key in keys:
        try:
            if deliver(ctx, key):
                done.append((key, None))
        except AssayError as error:
            done.append((key, str(error)))
    return done


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of a test notice; `error` is None where it arrived."""

    channel: str
    error: str | None


def try_channels(ctx: Needs, names: Sequence[str]) -> list[Tried]:
    """Send a test notice to some channels, or to all, at once and without workers. Raises NotFound."""
    known = [one.name for one in ctx.alerting.channels]
    if not known:
        raise NotFound(
            "the settings name nobody who could be told: set ASSAY_ALERTS__CHANNELS or ASSAY_ALERTS__WEBHOOKS"
        )
    unknown = [name for name in names if name not in known]
    if unknown:
        raise NotFound(f"no channel is called {unknown[0]!r}; there are {', '.join(known)}")
    notice = _test_notice(ctx.clock())
    done = []
    for name in names or known:
        with ctx.db.transaction() as conn:
            key = store.add_delivery(conn, None, name, notice, ctx.clock())
        try:
            deliver(ctx, key)
            done.append(Tried(name, None))
        except AssayError as error:
            done.append(Tried(name, str(error)))
    return done


def _test_notice(now: datetime) -> Notice:
    alert = Alert(
        rule=Rule.TASK_FAILED,
        subject="test",
        severity=Severity.WARNING,
        state=AlertState.OPEN,
        value=0.0,
        threshold=1.0,
        message="This is a test: nothing is wrong.",
        breached_at=now,
        seen_at=now,
    )
    return compose(alert, Event.TEST, now)
