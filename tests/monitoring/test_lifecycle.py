"""When an alert opens and resolves: laws that hold for any course of readings."""

from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from assay.monitoring.model import Alert, AlertState, Event, Patience, Reading, Rule, Thresholds
from assay.monitoring.rules.lifecycle import advance, step
from factories import NOW

MINUTE = timedelta(minutes=1)
VALUES = st.one_of(st.none(), st.floats(0, 20, allow_nan=False))
COURSES = st.lists(VALUES, max_size=60)
PATIENCES = st.builds(Patience, st.sampled_from([0.0, 60.0, 300.0]), st.sampled_from([0.0, 60.0, 300.0]))
RAISE, CLEAR = 10.0, 5.0


def a_reading(value: float, subject: str = "default", rule: Rule = Rule.BACKLOG) -> Reading:
    return Reading(rule, subject, value, RAISE, CLEAR, f"{value} is too much")


def course(
    values: list[float | None], patience: Patience
) -> list[tuple[datetime, float | None, Alert | None, Event | None]]:
    """A look a minute: the moment, the reading, the alert afterwards, the event."""
    alert: Alert | None = None
    seen = []
    for number, value in enumerate(values):
        now = NOW + number * MINUTE
        done = step(alert, None if value is None else a_reading(value), patience, now)
        alert = done.alert
        seen.append((now, value, alert, done.event))
        if alert is not None and alert.state is AlertState.RESOLVED:
            alert = None
    return seen


@given(COURSES, PATIENCES)
def test_openings_and_resolutions_alternate(values, patience):
    events = [event for *_, event in course(values, patience) if event is not None]
    assert all(event is (Event.OPENED, Event.RESOLVED)[place % 2] for place, event in enumerate(events))


@given(st.lists(st.floats(CLEAR, 20), min_size=1, max_size=60), PATIENCES)
def test_what_stays_over_the_lower_threshold_is_told_once_at_most(values, patience):
    events = [event for *_, event in course(values, patience) if event is not None]
    assert events in ([], [Event.OPENED])


@given(st.lists(st.one_of(st.none(), st.floats(0, RAISE, exclude_max=True)), max_size=60), PATIENCES)
def test_what_stays_under_the_upper_threshold_is_never_told(values, patience):
    assert all(alert is None and event is None for _, _, alert, event in course(values, patience))


@given(COURSES, PATIENCES)
def test_it_opens_after_a_long_enough_breach_and_not_sooner(values, patience):
    run = timedelta(0)
    is_open = False
    for _, value, _, event in course(values, patience):
        is_breached = value is not None and value >= RAISE
        if not is_open:
            is_due = is_breached and run >= timedelta(seconds=patience.raise_after)
            assert (event is Event.OPENED) is is_due
            run = run + MINUTE if is_breached else timedelta(0)
        is_open = is_open != (event is not None)
        if event is Event.RESOLVED:
            run = timedelta(0)


@given(COURSES, PATIENCES)
def test_it_resolves_after_a_long_enough_calm_and_not_sooner(values, patience):
    calm = timedelta(0)
    is_open = False
    for _, value, _, event in course(values, patience):
        if is_open:
            is_calm = value is None or value < CLEAR
            is_due = is_calm and calm >= timedelta(seconds=patience.clear_after)
            assert (event is Event.RESOLVED) is is_due
            calm = calm + MINUTE if is_calm else timedelta(0)
        is_open = is_open != (event is not None)
        if event is Event.OPENED:
            calm = timedelta(0)


@given(VALUES, COURSES, PATIENCES)
def test_looking_twice_at_the_same_moment_is_looking_once(value, values, patience):
    seen = course(values, patience)
    before = seen[-1][2] if seen else None
    if before is not None and before.state is AlertState.RESOLVED:
        before = None
    now = NOW + len(values) * MINUTE
    reading = None if value is None else a_reading(value)
    once = step(before, reading, patience, now)
    if once.alert is None or once.alert.state is AlertState.RESOLVED:
        return
    twice = step(once.alert, reading, patience, now)
    assert twice.alert == once.alert
    assert twice.event is None


@given(COURSES, PATIENCES)
def test_an_acknowledged_alert_is_told_of_when_it_is_over_and_only_then(values, patience):
    alert = step(None, a_reading(99), Patience(), NOW).alert
    assert alert is not None
    alert = replace(alert, state=AlertState.ACKNOWLEDGED, acknowledged_by="eve", acknowledged_at=NOW)
    for number, value in enumerate(values):
        done = step(alert, None if value is None else a_reading(value), patience, NOW + number * MINUTE)
        assert done.alert is not None
        assert (done.alert.acknowledged_by, done.alert.acknowledged_at) == ("eve", NOW)
        if done.alert.state is AlertState.RESOLVED:
            assert done.event is Event.RESOLVED
            return
        assert (done.alert.state, done.event) == (AlertState.ACKNOWLEDGED, None)
        alert = done.alert


SUBJECTS = st.dictionaries(st.sampled_from("abcdef"), st.floats(0, 20), max_size=6)


@given(SUBJECTS, SUBJECTS, st.randoms())
def test_the_order_of_alerts_and_readings_does_not_matter(before, after, dice):
    standing = [
        change.after
        for change in advance(
            [], [a_reading(value, name) for name, value in before.items()], Thresholds(), NOW
        )
        if change.after is not None
    ]
    readings = [a_reading(value, name) for name, value in after.items()]
    expected = advance(standing, readings, Thresholds(), NOW + 10 * MINUTE)
    dice.shuffle(standing)
    dice.shuffle(readings)
    assert advance(standing, readings, Thresholds(), NOW + 10 * MINUTE) == expected


def test_an_alert_of_a_rule_that_was_switched_off_is_resolved():
    alert = step(None, a_reading(99), Patience(), NOW).alert
    assert alert is not None
    thresholds = Thresholds(off=frozenset({Rule.BACKLOG}))
    (change,) = advance([alert], [a_reading(99)], thresholds, NOW + MINUTE)
    assert change.event is Event.RESOLVED


def test_an_alert_says_the_newest_of_what_is_wrong():
    first = step(None, a_reading(10), Patience(), NOW).alert
    later = step(first, a_reading(17), Patience(), NOW + MINUTE).alert
    assert later is not None
    assert (later.value, later.message, later.opened_at) == (17, "17 is too much", NOW)
    # What it said when it was worst is more use than that all is well now.
    calm = step(later, a_reading(0), Patience(0, 300), NOW + 2 * MINUTE).alert
    assert calm is not None
    assert (calm.value, calm.calm_since) == (17, NOW + 2 * MINUTE)
