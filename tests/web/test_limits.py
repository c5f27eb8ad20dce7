"""Buckets of requests."""

import pytest

from assay.web.limits import Limiter
from assay.web.problems import Refused


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def taken(limiter: Limiter, key: str, times: int) -> int:
    for done in range(times):
        try:
            limiter.take(key)
        except Refused:
            with pytest.raises(Refused) as caught:
                limiter.take(key)
            assert caught.value.status == 429
            assert int(caught.value.headers["Retry-After"]) >= 1
            return done
    return times


def test_a_third_at_once_and_the_rest_by_the_minute():
    clock = Clock()
    limiter = Limiter(60, clock)
    assert taken(limiter, "a", 100) == 20
    assert taken(limiter, "b", 100) == 20
    clock.now = 5.0
    assert taken(limiter, "a", 100) == 5
    clock.now = 1000.0
    assert taken(limiter, "a", 100) == 20


def test_what_is_dear_leaves_a_debt_that_is_paid_off():
    clock = Clock()
    limiter = Limiter(60, clock)
    limiter.take("a", 30)
    assert taken(limiter, "a", 1) == 0
    clock.now = 11.5
    assert taken(limiter, "a", 5) == 1


def test_nothing_is_limited_where_the_settings_say_so():
    assert taken(Limiter(0), "a", 10_000) == 10_000


def test_whoever_was_not_heard_of_for_longest_is_forgotten():
    limiter = Limiter(3, Clock())
    limiter.take("first")
    for number in range(20_000):
        limiter.take(f"{number}")
    limiter.take("first")
    with pytest.raises(Refused):
        limiter.take("19999")
