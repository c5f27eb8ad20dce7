"""What happens by itself: a look every minute, and the delivery of what it found."""

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

import msgspec
import structlog

from assay.errors import AssayError, Permanent
from assay.jobs.deferring import defer
from assay.jobs.retrying import NEVER, RetryPolicy, cleaned
from assay.jobs.running import Running
from assay.jobs.task import Limits, task
from assay.kit import notify
from assay.kit.clock import Clock
from assay.kit.db import Connection, Database
from assay.kit.http import Http
from assay.kit.signing import signed_headers
from assay.monitoring import queries, store
from assay.monitoring.model import Alert, Alerting, Channel, Delivery, Event, Webhook
from assay.monitoring.rules.lifecycle import Change, advance
from assay.monitoring.rules.notices import compose
from assay.monitoring.rules.readings import read

_log = structlog.get_logger(__name__)

# Resolved alerts are kept as long as anybody asks what happened last year.
_KEPT = timedelta(days=400)
# A minute later the next look comes.
_LOOK = Limits(soft=50, hard=110)
_PATIENT = RetryPolicy(retries=8, base_seconds=15, cap_seconds=600)


class Needs(Protocol):
    """The frozen Context, as this room sees it."""

    @property
    def db(self) -> Database: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def http(self) -> Http: ...
    @property
    def alerting(self) -> Alerting: ...


@dataclass(frozen=True, slots=True)
class Watched:
    """What a look came to: alerts that opened, and that were resolved."""

    counted: int
    opened: tuple[Alert, ...] = ()
    resolved: tuple[Alert, ...] = ()


def watch(ctx: Needs) -> Watched | None:
    """Count what ended, judge the present, keep the alerts, and defer a delivery of each notice; one transaction.

    None when another process looks at this moment.
    """
    with ctx.db.transaction() as conn:
        if not store.try_turn(conn):
            return None
        counted = store.observe(conn)
        now = ctx.clock()
        thresholds = queries.thresholds_chosen(conn, ctx.alerting.thresholds)
        readings = read(queries.picture(conn, thresholds, now), thresholds)
        changes = advance(store.lock_alerts(conn), readings, thresholds, now)
        told = [kept for change in changes if (kept := _keep(conn, change)) is not None]
        for alert, event in told:
            _announce(conn, ctx.alerting, alert, event, now)
        store.remove_old(conn, now - _KEPT)
    for alert, event in told:
        _log.warning(
            "monitoring.alert",
            event_kind=event.value,
            rule=alert.rule.value,
            subject=alert.subject,
            told=alert.message,
        )
    opened = tuple(alert for alert, event in told if event is Event.OPENED)
    return Watched(counted, opened, tuple(alert for alert, event in told if event is Event.RESOLVED))


def _keep(conn: Connection, change: Change) -> tuple[Alert, Event] | None:
    before, after = change.before, change.after
    if after is None:
        if before is not None:
            store.remove_alert(conn, before.id)
        return None
    if before is None:
        after = replace(after, id=store.add_alert(conn, after))
    else:
        store.change_alert(conn, after)
    return None if change.event is None else (after, change.event)


def _announce(conn: Connection, alerting: Alerting, alert: Alert, event: Event, now: datetime) -> None:
    notice = compose(alert, event, now)
    for channel in alerting.channels:
        key = store.add_delivery(conn, alert.id, channel.name, notice, now)
        defer(conn, deliver_later, delivery=key)


@task("monitoring.watch", unique=True, retry=NEVER, timeout=_LOOK, priority=50)
def watch_now(ctx: Needs, _job: Running) -> None:
    """Look at everything. It writes no run: what it finds is kept as totals and alerts, 1,440 times a day."""
    watch(ctx)


def deliver(ctx: Needs, key: int) -> bool:
    """Whether this call delivered a notice; False where it arrived already or somebody else delivers it.

    Raises Transient or Permanent when it did not arrive, which is kept with it. A process that dies between the
    sending and the noting sends it again, with the same id.
    """
    try:
        with ctx.db.transaction() as conn:
            delivery = store.hold_delivery(conn, key)
            if delivery is None:
                return False
            _send(ctx, delivery)
            store.delivered(conn, key, ctx.clock())
    except AssayError as error:
        with suppress(AssayError), ctx.db.transaction() as conn:
            store.not_delivered(conn, key, cleaned(str(error)))
        raise
    return True


def _send(ctx: Needs, delivery: Delivery) -> None:
    channel = _channel(ctx.alerting, delivery.channel)
    match channel:
        case Channel(address=address):
            notify.send(address, delivery.notice.title, delivery.notice.text)
        case Webhook(address=address, secret=secret):
            body = msgspec.json.encode(delivery.notice.payload)
            name = f"assay-{delivery.id}-{delivery.created_at:%Y%m%dT%H%M%S}"
            signed = signed_headers(secret, name, int(ctx.clock().timestamp()), body)
            ctx.http.post(address, body, {"Content-Type": "application/json", **signed})


def _channel(alerting: Alerting, name: str) -> Channel | Webhook:
    for one in alerting.channels:
        if one.name == name:
            return one
    raise Permanent(f"no channel is called {name} any more: restore it in the settings, or discard this job")


@task(
    "monitoring.deliver", retry=_PATIENT, timeout=Limits(soft=60, hard=120), priority=40, subject="delivery"
)
def deliver_later(ctx: Needs, _job: Running, *, delivery: int) -> None:
    """Deliver one notice; nothing where it arrived already."""
    deliver(ctx, delivery)
