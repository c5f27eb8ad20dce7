"""A short storm; `make chaos` makes a long one."""

import pytest

from jobs import storm

pytestmark = pytest.mark.fault


@pytest.mark.parametrize(("fault", "seed"), [("kill_worker", 7), ("kill_postgres", 11)])
def test_a_short_storm(fault: str, seed: int):
    with storm.sheltered() as (options, server), storm.round_of(options, server, seed) as weather:
        assert "all ended" in storm.play(weather, fault)
