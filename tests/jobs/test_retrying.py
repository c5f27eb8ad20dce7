"""What becomes of a job after an attempt: decided by the error, the attempts before, and nothing else."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import BadRecord, Conflict, Forbidden, NotFound, Permanent, Transient
from assay.jobs.model import AttemptEnd, Cancelled, OutOfTime
from assay.jobs.retrying import RetryPolicy, after_crash, after_error, cleaned, tell

policies = st.builds(
    RetryPolicy,
    retries=st.integers(0, 50),
    base_seconds=st.floats(0, 1e6),
    cap_seconds=st.floats(0, 1e6),
)


def test_the_default_is_three_retries_within_10_minutes():
    assert RetryPolicy() == RetryPolicy(retries=3, base_seconds=60, cap_seconds=600)
    assert [RetryPolicy().longest(retry) for retry in range(6)] == [60, 120, 240, 480, 600, 600]


@given(policies, st.integers(0, 2_000), st.integers())
def test_a_delay_lies_between_nothing_and_the_cap(policy, retry, seed):
    wait = policy.delay(retry, random.Random(seed))
    assert 0 <= wait <= policy.longest(retry) <= policy.cap_seconds
    assert policy.longest(retry) <= policy.longest(retry + 1)


def test_every_length_of_a_delay_is_equally_likely():
    dice = random.Random(1)
    waits = sorted(RetryPolicy().delay(0, dice) for _ in range(4_000))
    for share in (0.1, 0.25, 0.5, 0.75, 0.9):
        assert waits[int(len(waits) * share)] == pytest.approx(60 * share, abs=2)


@pytest.mark.parametrize("changed", [{"retries": -1}, {"base_seconds": -1.0}, {"cap_seconds": -0.1}])
def test_a_policy_counts_upwards(changed):
    with pytest.raises(ValueError, match="upwards"):
        RetryPolicy(**changed)


@pytest.mark.parametrize(
    ("error", "is_tried_again"),
    [
        (Transient("down"), True),
        (Conflict("somebody else is at it"), True),
        (OutOfTime("late"), True),
        (OSError(28, "No space left on device"), True),
        (ZeroDivisionError(), True),
        (Permanent("wrong address"), False),
        (BadRecord("not-json", "at 3"), False),
        (NotFound("gone"), False),
        (Forbidden("no"), False),
    ],
)
def test_the_error_decides_about_another_attempt(error, is_tried_again):
    verdict = after_error(error, attempts=0, max_retries=3, wait=7.5)
    assert (verdict.retry_in, verdict.charge, verdict.end) == (
        7.5 if is_tried_again else None,
        1,
        AttemptEnd.ERROR,
    )


@given(st.integers(0, 10), st.integers(0, 10))
def test_attempts_are_used_up(attempts, retries):
    verdict = after_error(Transient("down"), attempts, retries, 1.0)
    assert (verdict.retry_in is None) == (attempts >= retries)


def test_a_cancelled_job_ends_without_a_charge():
    verdict = after_error(Cancelled("by a person"), 0, 3, 1.0)
    assert verdict.is_cancelled
    assert (verdict.end, verdict.charge, verdict.retry_in) == (AttemptEnd.CANCELLED, 0, None)


@given(st.integers(0, 8), st.lists(st.integers(0, 3), min_size=40, max_size=40))
def test_a_job_that_kills_its_process_each_time_always_ends(retries, beside):
    """Whatever ran beside it: it is given up, and alone it has exactly its attempts."""
    attempts = crashes = 0
    for count, others in enumerate(beside, 1):
        charge, wait = after_crash(
            attempts=attempts, crashes=crashes, max_retries=retries, beside=others, wait=9.0
        )
        attempts, crashes = attempts + charge, crashes + 1
        if wait is None:
            break
        assert wait == (0.0 if count == 1 else 9.0)
    else:
        raise AssertionError("it never ends")
    assert count <= 2 * retries + 3
    if not any(beside[:count]):
        assert count == retries + 1


def test_a_crash_beside_others_costs_no_attempt():
    assert after_crash(attempts=0, crashes=0, max_retries=0, beside=1, wait=1.0) == (0, 0.0)
    assert after_crash(attempts=0, crashes=0, max_retries=0, beside=0, wait=1.0) == (1, None)


def test_an_error_is_told_without_passwords_and_with_its_cause():
    try:
        try:
            {}["inner"]
        except KeyError as inner:
            raise Permanent("cannot read https://user:hunter2@example.org/x\x00") from inner
    except Permanent as error:
        told = tell(error)
    assert told.kind == "Permanent"
    assert told.message == "cannot read https://***@example.org/x"
    assert "KeyError: 'inner'" in (told.traceback or "")
    assert "hunter2" not in (told.traceback or "")


def test_an_error_without_words_is_told_by_its_kind():
    assert tell(TimeoutError()).message == "TimeoutError"


@given(st.text(max_size=200), st.integers(10, 100))
def test_any_text_can_be_kept(text, longest):
    kept = cleaned(text, longest)
    assert "\x00" not in kept
    kept.encode()
    assert len(kept) <= max(longest, 0) + 40


def test_a_long_text_keeps_its_ends():
    kept = cleaned("a" * 5_000 + "b" * 5_000, 100)
    assert kept.startswith("a" * 50)
    assert kept.endswith("b" * 50)
    assert "9,900" in kept
