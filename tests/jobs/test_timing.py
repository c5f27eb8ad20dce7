"""When something runs by itself."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import Permanent
from assay.jobs.timing import Cron, Every, Waiting, check_pause, read_timing, step

NOON = datetime(2024, 5, 1, 12, 0, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
GRACE = timedelta(minutes=15)


def waiting(
    spec: str, due: datetime | None, *, jitter: timedelta = timedelta(0), share: float = 0.0, last=None
):
    return Waiting(read_timing(spec), due, None if due is None else due + jitter * share, last, jitter, GRACE)


@pytest.mark.parametrize(
    ("spec", "timing"),
    [
        ("13 * * * *", Cron("13 * * * *")),
        ("  13   *  * * * ", Cron("13 * * * *")),
        ("*/5 0-6 1 jan mon", Cron("*/5 0-6 1 jan mon")),
        ("@hourly", Cron("@hourly")),
        ("every 90m", Every(timedelta(minutes=90))),
        ("1h 30m", Every(timedelta(minutes=90))),
        ("every 60 seconds", Every(MINUTE)),
        ("72h", Every(timedelta(hours=72))),
        ("3 days", Every(timedelta(days=3))),
    ],
)
def test_what_can_be_written(spec, timing):
    assert read_timing(spec) == timing


@pytest.mark.parametrize(
    "spec",
    [
        *(
            "",
            "soon",
            "* * * *",
            "* * * * * *",
            "61 * * * *",
            "0 0 30 2 *",
            "every 30s",
            "every 0m",
            "every",
            "5",
        ),
        *("every 400d", "H * * * *", "R * * * *", "* * * * * 2024", "@reboot", "-1 * * * *"),
    ],
)
def test_what_cannot_be_written(spec):
    with pytest.raises(Permanent):
        read_timing(spec)


@pytest.mark.parametrize(
    "spec", ["every 72h", "every 1m", "* * * * *", "0 0 */3 * *", "13 * * * *", "0 3 * * *"]
)
def test_sources_may_be_looked_at_between_every_minute_and_every_three_days(spec):
    check_pause(spec, read_timing(spec), timedelta(hours=72), NOON)


@pytest.mark.parametrize("spec", ["every 73h", "0 0 * * mon", "0 0 1 * *", "0 0 1 1 *"])
def test_and_not_less_often(spec):
    with pytest.raises(Permanent, match="72 hours"):
        check_pause(spec, read_timing(spec), timedelta(hours=72), NOON)


def test_a_new_cron_schedule_waits_for_its_tick_and_a_new_interval_runs_at_once():
    assert step(waiting("13 * * * *", None), NOON, 0.0).due_at == NOON + 13 * MINUTE
    assert not step(waiting("13 * * * *", None), NOON, 0.0).runs
    assert step(waiting("every 1h", None), NOON, 0.0).due_at == NOON
    later = step(waiting("every 1h", None, last=NOON - 20 * MINUTE), NOON, 0.0)
    assert (later.runs, later.due_at) == (False, NOON + 40 * MINUTE)


def test_it_waits_for_its_time_and_its_jitter():
    one = waiting("0 * * * *", NOON, jitter=MINUTE, share=0.5)
    assert step(one, NOON + timedelta(seconds=29), 0.0) is None
    found = step(one, NOON + timedelta(seconds=30), 0.25)
    assert (found.runs, found.due_at) == (True, NOON + HOUR)
    assert found.next_run_at == NOON + HOUR + timedelta(seconds=15)


@pytest.mark.parametrize(("late", "runs"), [(0, True), (14, True), (16, False), (59, False)])
def test_a_late_run_is_made_up_for_within_the_grace_time(late, runs):
    found = step(waiting("0 * * * *", NOON), NOON + late * MINUTE, 0.0)
    assert (found.runs, found.is_missed, found.due_at) == (runs, not runs, NOON + HOUR)


def test_many_missed_ticks_are_one_run():
    """Nine hours away, back three minutes after a tick: one run, and the next at its usual time."""
    found = step(waiting("0 * * * *", NOON), NOON + 9 * HOUR + 3 * MINUTE, 0.0)
    assert (found.runs, found.due_at) == (True, NOON + 10 * HOUR)
    found = step(waiting("every 1h", NOON), NOON + 9 * HOUR + 3 * MINUTE, 0.0)
    assert (found.runs, found.due_at) == (True, NOON + 10 * HOUR)


def test_back_after_the_grace_of_the_last_tick_nothing_runs_until_the_next():
    found = step(waiting("0 * * * *", NOON), NOON + 9 * HOUR + 30 * MINUTE, 0.0)
    assert (found.runs, found.is_missed, found.due_at) == (False, True, NOON + 10 * HOUR)


@pytest.mark.parametrize("spec", ["0 * * * *", "every 1h"])
def test_a_clock_that_was_set_back_does_not_stop_it(spec):
    one = waiting(spec, NOON)
    before = NOON - timedelta(days=30)
    found = step(one, before, 0.0)
    assert not found.runs
    assert before < found.due_at <= before + HOUR


specs = st.sampled_from(
    ["* * * * *", "0 * * * *", "*/7 * * * *", "30 4 * * *", "every 1m", "every 45m", "every 72h"]
)


@given(specs, st.lists(st.integers(1, 100_000), min_size=1, max_size=20), st.floats(0, 1))
def test_however_seldom_it_is_looked_at_it_runs_once_a_tick_and_plans_ahead(spec, gaps, share):
    now, due, nxt = NOON, None, None
    timing = read_timing(spec)
    runs: list[datetime] = []
    for gap in gaps:
        found = step(Waiting(timing, due, nxt, runs[-1] if runs else None, MINUTE, GRACE), now, share)
        if found is not None:
            assert found.next_run_at >= found.due_at >= (now if not found.runs else NOON)
            if found.runs or found.is_missed:
                assert found.due_at > now
            if found.runs:
                runs.append(due)
            due, nxt = found.due_at, found.next_run_at
        now += timedelta(seconds=gap)
    assert len(set(runs)) == len(runs)
