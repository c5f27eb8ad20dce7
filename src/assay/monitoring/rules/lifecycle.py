"""When an alert opens and when it is resolved: with patience, between two thresholds, each told once."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from assay.monitoring.model import SEVERITIES, Alert, AlertState, Event, Patience, Reading, Rule, Thresholds


@dataclass(frozen=True, slots=True)
class Step:
    """What a look at one subject came to: the alert as it stands now (None: there is none), and what is to be told."""

    alert: Alert | None
    event: Event | None = None


def step(alert: Alert | None, reading: Reading | None, patience: Patience, now: datetime) -> Step:
    """What becomes of an alert that is not resolved, or of none.

    Without a reading its subject is gone, and all is well with it.
    """
    if alert is None or alert.state is AlertState.PENDING:
        return _rising(alert, reading, patience, now)
    return _falling(alert, reading, patience, now)


def _rising(alert: Alert | None, reading: Reading | None, patience: Patience, now: datetime) -> Step:
    if reading is None or reading.value < reading.raise_at:
        return Step(None)
    pending = alert or _begun(reading, now)
    pending = _seen(pending, reading, now)
    if now - pending.breached_at < timedelta(seconds=patience.raise_after):
        return Step(pending)
    return Step(replace(pending, state=AlertState.OPEN, opened_at=now), Event.OPENED)


def _falling(alert: Alert, reading: Reading | None, patience: Patience, now: datetime) -> Step:
    if reading is not None and reading.value >= reading.clear_at:
        return Step(replace(_seen(alert, reading, now), calm_since=None))
    since = alert.calm_since or now
    if now - since < timedelta(seconds=patience.clear_after):
        return Step(replace(alert, calm_since=since, seen_at=now))
    over = replace(alert, state=AlertState.RESOLVED, calm_since=since, seen_at=now, resolved_at=now)
    return Step(over, Event.RESOLVED)


def _begun(reading: Reading, now: datetime) -> Alert:
    return Alert(
        rule=reading.rule,
        subject=reading.subject,
        severity=SEVERITIES[reading.rule],
        state=AlertState.PENDING,
        value=reading.value,
        threshold=reading.raise_at,
        message=reading.message,
        breached_at=now,
        seen_at=now,
    )


def _seen(alert: Alert, reading: Reading, now: datetime) -> Alert:
    return replace(
        alert, value=reading.value, threshold=reading.raise_at, message=reading.message, seen_at=now
    )


@dataclass(frozen=True, slots=True)
class Change:
    """An alert before and after a look at everything; both None never happens."""

    before: Alert | None
    after: Alert | None
    event: Event | None


def advance(
    alerts: Iterable[Alert], readings: Iterable[Reading], thresholds: Thresholds, now: datetime
) -> list[Change]:
    """What a look at everything changes, by rule and subject; `alerts` are those not resolved.

    The order of both does not matter. An alert of a rule that was switched off is resolved.
    """
    standing = {(one.rule, one.subject): one for one in alerts}
    read = {(one.rule, one.subject): one for one in readings if one.rule not in thresholds.off}
    changes = []
    for key in sorted(standing.keys() | read.keys()):
        before = standing.get(key)
        is_off = key[0] in thresholds.off
        patience = Patience() if is_off else patience_of(thresholds, key[0])
        done = step(before, read.get(key), patience, now)
        if before is not None or done.alert is not None:
            changes.append(Change(before, done.alert, done.event))
    return changes


def patience_of(thresholds: Thresholds, rule: Rule) -> Patience:
    """How long a rule waits."""
    return thresholds.patience.get(rule, Patience())
