"""The pool: every item once, few in memory, errors as they were raised, and no worker outlives its parent."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from assay.errors import BadRecord, Transient
from assay.kit.pool import Pool
from kit import pool_work
from patience import until

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    with Pool(2, pool_work.make, ("hello",)) as made:
        yield made


def test_every_item_is_done_once_with_the_workers_own_context(pool: Pool):
    results = list(pool.map(None, pool_work.say, range(50)))
    assert sorted(item for item, _, _ in results) == list(range(50))
    assert {word for _, word, _ in results} == {"hello"}
    pids = {pid for _, _, pid in results}
    assert os.getpid() not in pids
    assert 1 <= len(pids) <= 2


def test_the_workers_stay_for_the_next_piece_of_work(pool: Pool):
    first = {pid for _, _, pid in pool.map(None, pool_work.say, range(40))}
    second = {pid for _, _, pid in pool.map(None, pool_work.say, range(40))}
    assert len(first | second) <= 2


def test_results_come_as_they_are_ready(pool: Pool):
    assert list(pool.map(None, pool_work.nap, [0.4, 0.0])) == [0.0, 0.4]


def test_a_handful_of_items_is_taken_at_a_time(pool: Pool):
    taken = []

    def items() -> Iterator[int]:
        for number in range(100):
            taken.append(number)
            yield number

    results = pool.map(None, pool_work.say, items())
    next(results)
    assert len(taken) <= 2 * 3 + 2
    assert len(list(results)) == 99


def test_no_items_no_results(pool: Pool):
    assert list(pool.map(None, pool_work.say, [])) == []


@pytest.mark.parametrize(("processes", "few"), [(1, False), (0, False), (4, True)])
def test_small_work_is_done_here_with_the_callers_context(processes: int, few: bool):
    with Pool(processes, pool_work.broken, ()) as here:
        context = pool_work.make("mine")
        results = list(here.map(context, pool_work.say, range(3), few=few))
    assert results == [(number, "mine", os.getpid()) for number in range(3)]
    assert context["calls"] == 3


def test_workers_that_run_already_take_their_share_of_small_work(pool: Pool):
    list(pool.map(None, pool_work.say, range(3)))
    assert os.getpid() not in {process for *_, process in pool.map(None, pool_work.say, range(3), few=True)}


def test_an_error_comes_out_as_it_was_raised_and_the_pool_goes_on(pool: Pool):
    with pytest.raises(BadRecord, match="3 is odd") as caught:
        list(pool.map(None, pool_work.refuse, range(10)))
    assert caught.value.reason == "odd"
    assert len(list(pool.map(None, pool_work.say, range(10)))) == 10


def test_an_iterator_that_breaks_is_told_and_the_pool_goes_on(pool: Pool):
    def items() -> Iterator[int]:
        yield from range(20)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(pool.map(None, pool_work.say, items()))
    assert len(list(pool.map(None, pool_work.say, range(10)))) == 10


def test_who_stops_listening_stops_the_work(pool: Pool):
    results = pool.map(None, pool_work.say, iter(range(1_000_000)))
    next(results)
    results.close()
    assert len(list(pool.map(None, pool_work.say, range(10)))) == 10


@pytest.mark.fault
def test_a_worker_that_is_killed_is_a_passing_fault_and_others_take_its_place():
    with Pool(2, pool_work.make, ("x",)) as mortal:
        with pytest.raises(Transient, match="worker process died"):
            list(mortal.map(None, pool_work.die, range(10)))
        assert len(list(mortal.map(None, pool_work.say, range(10)))) == 10


def test_a_context_that_cannot_be_made_is_told():
    with Pool(2, pool_work.broken, ()) as hopeless, pytest.raises(Transient, match="worker process died"):
        list(hopeless.map(None, pool_work.say, range(3)))


@pytest.mark.fault
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_workers_leave_when_their_parent_is_killed(tmp_path: Path, end: signal.Signals):
    root = HERE.parents[1]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join((str(root / "src"), str(root / "tests")))}
    parent = subprocess.Popen([sys.executable, str(HERE / "pool_work.py"), str(tmp_path)], env=environment)
    try:
        assert until(lambda: len(list(tmp_path.glob("*.pid"))) == 2)
        workers = [psutil.Process(int(path.stem)) for path in tmp_path.glob("*.pid")]
    finally:
        parent.send_signal(end)
        parent.wait(240)
    assert until(lambda: not any(worker.is_running() and worker.status() != "zombie" for worker in workers))


def test_closing_twice_is_closing_once():
    closed = Pool(2, pool_work.make, ("x",))
    list(closed.map(None, pool_work.say, range(3)))
    closed.close()
    closed.close()
