"""What operators do to jobs: retry, discard, cancel, run; all of it written down."""

import pytest

from assay.errors import Conflict, NotFound, Permanent, Transient
from assay.jobs import commands, queries
from assay.jobs.deferring import defer, put
from assay.jobs.model import State
from assay.jobs.queries import Filters
from assay.kit.db import Connection
from jobs import hands, shop


def a_dead_letter(conn: Connection, task=shop.fail, said: str = "no", **args) -> int:
    job = defer(conn, task.having(priority=100), **(args or {"how": "bug"}))
    hands.fail(conn, hands.take(conn, hands.a_worker(conn)), Permanent(said))
    return job


def test_a_retried_dead_letter_has_all_its_attempts_again(conn: Connection):
    job = a_dead_letter(conn)
    assert commands.retry(conn, [job], "ann").ids == [job]
    found = queries.get_job(conn, job)
    assert (found.status, found.retry_count, found.error_message) == ("pending", 0, "no")
    worker = hands.a_worker(conn)
    for _ in range(3):
        hands.fail(conn, hands.take(conn, worker), Transient("down"), wait=0)
    assert queries.get_job(conn, job).status == "retrying"
    assert [one.number for one in queries.list_attempts(conn, job)] == [1, 2, 3, 4]
    assert [(one.by_whom, one.action) for one in queries.list_interventions(conn, job)] == [("ann", "retry")]


@pytest.mark.parametrize(
    ("filters", "chosen"),
    [
        (Filters(), {0, 1, 2, 3}),
        (Filters(task="shop.work"), {3}),
        (Filters(subject="bug"), {0, 1}),
        (Filters(error="DISK"), {1, 2}),
        (Filters(error="100 %"), {2}),
        (Filters(error="_"), set()),
        (Filters(task="shop.fail", subject="bug", error="disk"), {1}),
    ],
)
def test_dead_letters_by_kind_subject_or_error(conn: Connection, filters, chosen):
    letters = [
        a_dead_letter(conn, said="network"),
        a_dead_letter(conn, said="disk full"),
        a_dead_letter(conn, said="disk 100 % full", how="time"),
        a_dead_letter(conn, shop.work, said="oops", n=1),
    ]
    defer(conn, shop.fail, how="bug")
    assert set(commands.retry_matching(conn, filters, "ann").ids) == {letters[place] for place in chosen}
    failed = {job.id for job in queries.list_jobs(conn, Filters(State.FAILED), limit=10)}
    assert failed == set(letters) - {letters[place] for place in chosen}


def test_of_unique_dead_letters_one_is_retried(conn: Connection):
    letters = [a_dead_letter(conn, shop.alone, place="a") for _ in range(3)]
    handled = commands.retry(conn, letters, "ann")
    assert (handled.ids, handled.replaced) == ([letters[2]], 2)
    assert commands.retry_matching(conn, Filters(), "ann").ids == []


def test_a_key_that_was_given_away_stays_with_the_other(conn: Connection):
    task = shop.work.having(key="k")
    job = defer(conn, task, n=1)
    commands.cancel(conn, [job], "ann")
    other = put(conn, task, {"n": 1})
    assert other.is_new
    assert commands.retry(conn, [job], "ann").ids == []


def test_discarded_is_handled(conn: Connection):
    job = a_dead_letter(conn)
    assert commands.discard(conn, [job], "ann", "known").ids == [job]
    assert queries.get_job(conn, job).status == "cancelled"
    (done,) = queries.list_interventions(conn, job)
    assert (done.by_whom, done.action, done.detail) == ("ann", "discard", "known")
    assert commands.retry(conn, [job], "bob").ids == [job]


def test_what_is_not_dead_is_neither_retried_nor_discarded(conn: Connection):
    job = defer(conn, shop.nothing)
    for act in (commands.retry, lambda *given: commands.discard(*given, None)):
        with pytest.raises(Conflict, match=f"job {job} is pending"):
            act(conn, [job], "ann")
        with pytest.raises(NotFound):
            act(conn, [job + 1], "ann")


def test_cancel(conn: Connection):
    running, waiting = defer(conn, shop.nothing), defer(conn, shop.nothing)
    ticket = hands.take(conn, hands.a_worker(conn))
    assert commands.cancel(conn, [running, waiting], "ann") == {running: "processing", waiting: "cancelled"}
    assert queries.get_job(conn, running).is_being_cancelled
    hands.finish(conn, ticket)
    with pytest.raises(Conflict, match="completed"):
        commands.cancel(conn, [running], "ann")


def test_run_by_name(conn: Connection):
    made = commands.run(conn, shop.TASKS, "shop.work", {"n": 1}, "ann")
    assert queries.list_interventions(conn, made.id)[0].by_whom == "ann"
    with pytest.raises(NotFound, match=r"shop\.work"):
        commands.run(conn, shop.TASKS, "shop.unheard_of", {}, "ann")
    with pytest.raises(Permanent, match="does not take"):
        commands.run(conn, shop.TASKS, "shop.work", {"n": "one"}, "ann")


def test_lists_go_page_by_page_in_every_state(conn: Connection):
    worker = hands.a_worker(conn)
    jobs = [defer(conn, shop.work, n=n) for n in range(6)]
    for end in (hands.finish, lambda *given: hands.fail(*given, Permanent("no"))):
        end(conn, hands.take(conn, worker))
    hands.fail(conn, hands.take(conn, worker), Transient("down"))
    hands.take(conn, worker)
    commands.cancel(conn, [jobs[4]], "ann")
    by_state = {
        state: [job.id for job in queries.list_jobs(conn, Filters(state), limit=9)] for state in State
    }
    assert by_state == {
        State.COMPLETED: [jobs[0]],
        State.FAILED: [jobs[1]],
        State.RETRYING: [jobs[2]],
        State.PROCESSING: [jobs[3]],
        State.CANCELLED: [jobs[4]],
        State.PENDING: [jobs[5]],
    }
    assert [job.id for job in queries.list_jobs(conn, Filters(), limit=2)] == jobs[:3:-1]
    assert [job.id for job in queries.list_jobs(conn, Filters(), limit=9, before=jobs[2])] == [
        jobs[1],
        jobs[0],
    ]
