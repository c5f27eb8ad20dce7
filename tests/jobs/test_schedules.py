"""Schedules: declared by the program, changed by people, run once on however many machines."""

import random
import threading
from datetime import UTC, datetime, timedelta

import pytest

from assay.bootstrap.loading import load_schedules, load_sources
from assay.errors import NotFound, Permanent
from assay.jobs import schedules
from assay.jobs.queries import get_job
from assay.jobs.schedules import (
    Declared,
    choose,
    declare,
    get_schedule,
    list_schedules,
    pause,
    resume,
    run_now,
    tick,
)
from assay.kit.db import Connection, Database
from assay.settings import Settings
from jobs import shop

HOURLY = Declared("hourly", "shop.alone", "every 1h", {"place": "a"}, longest=timedelta(hours=72))
NIGHTLY = Declared("nightly", "shop.nothing", "20 3 * * *")


def look(conn: Connection) -> list[int]:
    """The jobs that a look at the schedules makes; a new schedule is planned by the first."""
    return tick(conn, shop.TASKS, random.Random(1))


def shift(conn: Connection, name: str, interval: str) -> None:
    """Let a schedule's time be this much earlier."""
    conn.execute(
        "UPDATE jobs.schedules SET due_at = due_at - %s::interval, next_run_at = next_run_at - %s::interval"
        " WHERE name = %s",
        (interval, interval, name),
    )


def test_declared_schedules_are_planned_and_run(conn: Connection):
    declare(conn, [HOURLY, NIGHTLY])
    assert [(one.name, one.spec, one.next_run_at) for one in list_schedules(conn)] == [
        ("hourly", "every 1h", None),
        ("nightly", "20 3 * * *", None),
    ]
    assert look(conn) == []
    (job,) = look(conn)
    found = get_schedule(conn, "hourly")
    assert (found.last_job_id, found.last_status, found.missed) == (job, "pending", 0)
    assert found.next_run_at - found.last_run_at == pytest.approx(
        timedelta(hours=1), abs=timedelta(minutes=5)
    )
    assert get_job(conn, job).args == {"place": "a", "seconds": 0.0, "fails": False}
    assert look(conn) == []
    nightly = get_schedule(conn, "nightly").next_run_at
    assert (nightly.hour, nightly.minute) == (3, 20)


def test_a_run_that_comes_while_the_last_one_waits_is_that_one(conn: Connection):
    declare(conn, [HOURLY])
    look(conn)
    (job,) = look(conn)
    shift(conn, "hourly", "1 hour")
    assert look(conn) == [job]


def test_a_late_run_is_made_up_for_and_a_very_late_one_is_counted(conn: Connection):
    declare(conn, [HOURLY])
    look(conn)
    shift(conn, "hourly", "14 minutes")
    assert len(look(conn)) == 1
    shift(conn, "hourly", "1 hour 16 minutes")
    assert look(conn) == []
    assert get_schedule(conn, "hourly").missed == 1


def test_what_people_chose_outlives_restarts_and_can_be_taken_back(conn: Connection):
    declare(conn, [HOURLY])
    choose(conn, [HOURLY], "hourly", "every 2h", "ann")
    declare(conn, [Declared("hourly", "shop.alone", "every 3h", {"place": "a"})])
    found = get_schedule(conn, "hourly")
    assert (found.spec, found.is_changed, found.declared_spec) == ("every 2h", True, "every 3h")
    choose(conn, [HOURLY], "hourly", None, "ann")
    assert get_schedule(conn, "hourly").spec == "every 3h"
    done = conn.execute("SELECT by_whom, action, detail FROM jobs.interventions ORDER BY id").fetchall()
    assert done == [("ann", "schedule set", "every 2h"), ("ann", "schedule set", "back to every 3h")]


def test_new_settings_are_planned_anew_and_what_is_gone_goes(conn: Connection):
    declare(conn, [HOURLY, NIGHTLY])
    look(conn)
    declare(conn, [NIGHTLY])
    assert [one.name for one in list_schedules(conn)] == ["nightly"]
    planned = get_schedule(conn, "nightly").next_run_at
    declare(conn, [NIGHTLY])
    assert get_schedule(conn, "nightly").next_run_at == planned
    declare(conn, [Declared("nightly", "shop.nothing", "30 3 * * *")])
    look(conn)
    assert get_schedule(conn, "nightly").next_run_at == planned + timedelta(minutes=10)


def test_a_paused_schedule_waits_and_makes_up_for_nothing(conn: Connection):
    declare(conn, [HOURLY])
    look(conn)
    look(conn)
    pause(conn, "hourly", "ann")
    shift(conn, "hourly", "1 hour")
    assert look(conn) == []
    assert get_schedule(conn, "hourly").is_paused
    resume(conn, "hourly", "ann")
    assert look(conn) == []
    found = get_schedule(conn, "hourly")
    assert not found.is_paused
    assert found.next_run_at > found.last_run_at


def test_off_is_off(conn: Connection):
    declare(conn, [HOURLY])
    choose(conn, [HOURLY], "hourly", "off", "ann")
    assert look(conn) == look(conn) == []


@pytest.mark.parametrize("spec", ["sometimes", "every 10s", "every 73h", "0 0 * * mon"])
def test_a_bad_timing_changes_nothing(conn: Connection, spec):
    declare(conn, [HOURLY])
    with pytest.raises(Permanent):
        choose(conn, [HOURLY], "hourly", spec, "ann")
    assert get_schedule(conn, "hourly").spec == "every 1h"
    with pytest.raises(Permanent, match="the schedule hourly"):
        schedules.check_all([Declared("hourly", "x.y", spec, longest=timedelta(hours=72))], shop.utc_now())


def test_unknown_names_are_told(conn: Connection):
    declare(conn, [HOURLY])
    for act in (pause, resume):
        with pytest.raises(NotFound, match="there are hourly"):
            act(conn, "weekly", "ann")


def test_run_now_leaves_the_next_time_as_it_is(conn: Connection):
    declare(conn, [NIGHTLY])
    look(conn)
    before = get_schedule(conn, "nightly").next_run_at
    job = run_now(conn, shop.TASKS, "nightly", "ann")
    found = get_schedule(conn, "nightly")
    assert (found.next_run_at, found.last_job_id) == (before, job)
    assert look(conn) == []


def test_a_schedule_that_cannot_be_deferred_says_so_and_spares_the_others(conn: Connection):
    declare(
        conn,
        [Declared("bad", "shop.unheard_of", "every 1h"), Declared("worse", "shop.work", "every 1h"), HOURLY],
    )
    look(conn)
    assert len(look(conn)) == 1
    assert "does not have" in get_schedule(conn, "bad").last_error
    assert "does not take" in get_schedule(conn, "worse").last_error
    assert get_schedule(conn, "hourly").last_error is None


def test_a_clock_that_was_set_back_does_not_silence_it(conn: Connection):
    declare(conn, [HOURLY])
    look(conn)
    look(conn)
    shift(conn, "hourly", "-30 days")
    look(conn)
    found = get_schedule(conn, "hourly")
    assert found.next_run_at <= found.last_run_at + timedelta(hours=1, minutes=5)


def test_many_schedulers_make_one_job_a_tick(fresh_url: str):
    db, made = Database(fresh_url), []
    with db.transaction() as conn:
        declare(conn, [Declared("free", "shop.nothing", "every 1h")])
        look(conn)
    for _ in range(5):
        gate = threading.Barrier(6)

        def one(gate: threading.Barrier = gate) -> None:
            with db.connection() as conn:
                gate.wait()
                made.extend(look(conn))
                conn.commit()

        threads = [threading.Thread(target=one) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with db.transaction() as conn:
            shift(conn, "free", "1 hour")
    assert len(made) == len(set(made)) == 5
    db.close()


def test_what_the_program_declares_makes_sense(tmp_path):
    settings = Settings(home=tmp_path)
    schedules.check_all(load_schedules(settings, load_sources(settings)), datetime.now(UTC))


@pytest.mark.parametrize(
    "wrong", [{"schedules": {"osv": "0 0 1 * *"}}, {"sources": {"osv": {"schedule": "0 0 1 * *"}}}]
)
def test_what_the_settings_say_of_a_schedule_is_checked(tmp_path, wrong):
    settings = Settings(home=tmp_path, **wrong)
    with pytest.raises(Permanent, match="the schedule osv"):
        load_schedules(settings, load_sources(settings))
