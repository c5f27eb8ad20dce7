"""What each rule reads off the present, and what it says."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.monitoring.model import (
    PATIENCE,
    SEVERITIES,
    AlertState,
    Event,
    Patience,
    Picture,
    QueueRow,
    RateRow,
    Reading,
    Rule,
    SourceRow,
    TaskRow,
    Thresholds,
    WorkerFigures,
)
from assay.monitoring.rules.lifecycle import step
from assay.monitoring.rules.notices import compose
from assay.monitoring.rules.readings import read, short, span
from factories import NOW

ALIVE = WorkerFigures("one", 1, 1, 0, is_alive=True)
OSV = SourceRow(
    room="advisories",
    step="sync",
    source="osv",
    last_at=NOW,
    last_outcome="completed",
    last_seconds=2.0,
    last_detail=None,
    good_at=NOW,
    failures=0,
    refusals=0,
    allowed_seconds=11_700.0,
)


def breached(picture: Picture, thresholds: Thresholds | None = None) -> dict[Rule, Reading]:
    """What is wrong, by rule."""
    readings = read(picture, thresholds or Thresholds())
    assert all(one.clear_at <= one.raise_at for one in readings)
    return {one.rule: one for one in readings if one.value >= one.raise_at}


def a_picture(**seen) -> Picture:
    return Picture(**({"at": NOW, "workers": (ALIVE,)} | seen))


def test_every_rule_has_a_severity_and_patience():
    assert set(SEVERITIES) == set(PATIENCE) == set(Rule)


def test_nothing_is_wrong_where_nothing_is():
    assert breached(a_picture(sources=(OSV,))) == {}


@pytest.mark.parametrize(
    ("seen", "rule", "subject", "said"),
    [
        (
            {"tasks": (TaskRow("advisories.sync", 0, 0, 0, 2, None, "no route\nto host"),)},
            Rule.TASK_FAILED,
            "advisories.sync",
            "2 jobs of advisories.sync given up: no route (",
        ),
        (
            {"tasks": (TaskRow("advisories.sync", 0, 0, 1, 0, 0.95, None),)},
            Rule.TASK_OVERDUE,
            "advisories.sync",
            "has used 95% of its time",
        ),
        ({"rates": (RateRow("a.b", 4, 6),)}, Rule.ERROR_RATE, "a.b", "60% of the 10 attempts"),
        ({"queues": (QueueRow("default", 1000, 5, 1, 3.0),)}, Rule.BACKLOG, "default", "1,000 jobs wait"),
        (
            {"queues": (QueueRow("default", 1, 0, 0, 960.0),)},
            Rule.OLDEST_WAITING,
            "default",
            "waits in the queue default for 16 min",
        ),
        ({"workers": ()}, Rule.WORKER_DOWN, "workers", "0 of at least 1 worker processes live"),
        (
            {"queues": (QueueRow("llm", 2, 0, 0, 3.0, is_served=False),)},
            Rule.WORKER_DOWN,
            "queue llm",
            "which no worker serves",
        ),
        (
            {"workers": (ALIVE, WorkerFigures("two", 7, 1, 1, is_alive=False))},
            Rule.WORKER_DOWN,
            "two process 7",
            "no sign of life",
        ),
        (
            {"sources": (replace(OSV, good_at=NOW - timedelta(seconds=11_700)),)},
            Rule.SOURCE_STALE,
            "advisories osv",
            "last read well 3 h 15 min ago",
        ),
        (
            {"sources": (replace(OSV, failures=3, last_detail="503"),)},
            Rule.SOURCE_FAILING,
            "advisories osv",
            "failed 3 times in a row: 503",
        ),
        (
            {"sources": (replace(OSV, failures=20),)},
            Rule.SOURCE_PERSISTENTLY_FAILING,
            "advisories osv",
            "failed 20 times in a row",
        ),
        (
            {"sources": (replace(OSV, failures=1, refusals=1, last_detail="half is gone"),)},
            Rule.DOCUMENT_QUARANTINED,
            "advisories osv",
            "nothing of it applied: half is gone",
        ),
    ],
)
def test_each_rule_finds_what_it_is_for_and_nothing_just_below(seen, rule, subject, said):
    found = breached(a_picture(**seen))
    expected = {Rule.SOURCE_FAILING} if rule is Rule.SOURCE_PERSISTENTLY_FAILING else set()
    assert found.keys() == {rule} | expected
    assert found[rule].subject == subject
    assert said in found[rule].message
    assert rule not in breached(a_picture(**seen), Thresholds(off=frozenset({rule})))


@pytest.mark.parametrize(
    "seen",
    [
        {"tasks": (TaskRow("a.b", 3, 2, 1, 0, 0.89, None),)},
        {"rates": (RateRow("a.b", 0, 9),)},
        {"rates": (RateRow("a.b", 51, 49),)},
        {"queues": (QueueRow("default", 999, 10_000, 1, 899.0),)},
        {"sources": (replace(OSV, failures=2, good_at=NOW - timedelta(seconds=11_699)),)},
        {"sources": (replace(OSV, good_at=None),)},
        {"sources": (replace(OSV, good_at=NOW - timedelta(days=99), allowed_seconds=None),)},
        {"sources": (replace(OSV, good_at=NOW + timedelta(days=1)),)},
    ],
)
def test_nothing_is_wrong_just_below_a_threshold(seen):
    assert breached(a_picture(**seen)) == {}


def test_an_installation_may_want_no_worker():
    assert breached(a_picture(workers=()), Thresholds(workers=0)) == {}


def test_thresholds_are_those_of_the_settings():
    strict = Thresholds(
        backlog=2, oldest_waiting_minutes=1, failing_runs=1, error_rate_attempts=1, overdue_share=0.1
    )
    picture = a_picture(
        queues=(QueueRow("default", 2, 0, 0, 60.0),),
        rates=(RateRow("a.b", 0, 1),),
        tasks=(TaskRow("a.b", 0, 0, 1, 0, 0.1, None),),
        sources=(replace(OSV, failures=1),),
    )
    assert breached(picture, strict).keys() == {
        Rule.BACKLOG,
        Rule.OLDEST_WAITING,
        Rule.ERROR_RATE,
        Rule.TASK_OVERDUE,
        Rule.SOURCE_FAILING,
    }


@given(st.floats(0, 1e9))
def test_a_length_of_time_is_told_in_two_units_at_most(seconds):
    words = span(seconds).split()
    assert len(words) in (2, 4)
    assert words[1] in {"d", "h", "min", "s"}


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 s"), (59.6, "1 min"), (61, "1 min 1 s"), (3600, "1 h"), (90_061, "1 d 1 h"), (172_800, "2 d")],
)
def test_lengths_of_time(seconds, said):
    assert span(seconds) == said


@given(st.text())
def test_an_error_is_told_in_one_short_line(text):
    assert len(short(text)) <= 300
    assert len(short(text).splitlines()) <= 1


@given(st.text(max_size=50), st.text(max_size=50))
def test_a_notice_has_a_title_of_one_line(subject, message):
    reading = Reading(Rule.BACKLOG, subject, 2.0, 1.0, 1.0, message)
    alert = step(None, reading, Patience(), NOW).alert
    assert alert is not None
    notice = compose(alert, Event.OPENED, NOW)
    assert len(notice.title.splitlines()) == 1
    assert message in notice.text


def test_a_notice_for_programs():
    reading = Reading(Rule.BACKLOG, "default", 2.0, 1.0, 0.5, "2 jobs wait")
    alert = step(None, reading, Patience(), NOW).alert
    assert alert is not None
    assert compose(replace(alert, id=7), Event.OPENED, NOW).payload == {
        "type": "alert.opened",
        "timestamp": "2024-05-01T12:00:00Z",
        "data": {
            "id": 7,
            "rule": "backlog",
            "subject": "default",
            "severity": "warning",
            "state": "open",
            "value": 2.0,
            "threshold": 1.0,
            "message": "2 jobs wait",
            "opened_at": "2024-05-01T12:00:00Z",
            "resolved_at": None,
        },
    }
    over = replace(alert, state=AlertState.RESOLVED, resolved_at=NOW)
    notice = compose(over, Event.RESOLVED, NOW)
    assert notice.title == "[resolved] backlog: default"
    assert notice.text.startswith("It is over. It began at 2024-05-01T12:00:00Z")
