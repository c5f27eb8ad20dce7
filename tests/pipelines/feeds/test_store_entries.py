"""Raw entries on a real database: kept once, given out once, tried again, given up, reclaimed, purged."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from assay.kit.db import Connection, Database
from assay.pipelines.feeds.model.entries import Added, Outcome, Received, Reclaimed, Status, Taker, Weight
from assay.pipelines.feeds.store import entries

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def source(conn: Connection, name: str = "vendor") -> int:
    row = conn.execute(
        "INSERT INTO feeds.sources (name, kind, address, interval_seconds, next_at, created_by, created_at, changed_at)"
        " VALUES (%s, 'feed', 'https://example.org/feed', 3600, %s, 'ann', %s, %s) RETURNING id",
        (name, NOW, NOW, NOW),
    ).fetchone()
    assert row is not None
    return int(row[0])


def received(key: str, text: str = "text", **more: Any) -> Received:
    return Received(key=key, media_type="text/plain", raw=text.encode(), **more)


def by_title(one: Received) -> Weight:
    """Entries with `!` in their title press."""
    presses = "!" in (one.title or "")
    return Weight(priority=100 if presses else 0, is_monitored=presses)


def add(conn: Connection, where: int, *those: Received, now: datetime = NOW) -> Added:
    return entries.add(conn, where, those, by_title, now, document="ab12")


def taken(conn: Connection, size: int = 10, now: datetime = NOW, taker: Taker | None = None) -> list[str]:
    return [one.key for one in entries.take_batch(conn, size, now, taker)]


def status(conn: Connection, key: str) -> tuple[str, int, str | None]:
    row = conn.execute(
        "SELECT status, attempts, error FROM feeds.raw_entries WHERE key = %s", (key,)
    ).fetchone()
    assert row is not None
    return row[0], row[1], row[2]


def test_the_same_entry_twice_is_one_and_another_content_is_another(conn: Connection) -> None:
    where = source(conn)
    assert add(conn, where, received("a"), received("b")) == Added(new=2)
    assert add(conn, where, received("a"), received("b", "other"), received("c")) == Added(1, 1, 1)
    assert add(conn, source(conn, "another"), received("a")) == Added(new=1)
    assert add(conn, where, received("d"), received("d")) == Added(new=1, known=1)
    assert entries.count_by_status(conn, where).of(Status.PENDING) == 5
    assert entries.count_by_status(conn).total == 6


def test_an_entry_comes_back_as_it_was_received(conn: Connection) -> None:
    where = source(conn)
    raw = bytes(range(256))
    one = Received(
        key="k" * 3000,
        media_type="text/html",
        raw=raw,
        address="https://example.org/1",
        title="With a \x00 and a lone \ud800!",
        published_at=NOW - MINUTE,
    )
    add(conn, where, one)
    (found,) = entries.take_batch(conn, 10, NOW)
    assert (found.raw, found.media_type, found.address) == (raw, "text/html", "https://example.org/1")
    assert (found.source, found.source_name, found.attempts) == (where, "vendor", 1)
    assert (found.title, found.published_at) == ("With a  and a lone ?!", NOW - MINUTE)
    assert (found.priority, found.is_monitored) == (100, True)
    assert len(found.key) < 300
    assert add(conn, where, one) == Added(known=1)


def test_the_most_pressing_come_first_then_the_newest(conn: Connection) -> None:
    where = source(conn)
    add(
        conn,
        where,
        received("old", published_at=NOW - 100 * MINUTE),
        received("newer", published_at=NOW - MINUTE),
        received("pressing", title="Exploited!", published_at=NOW - 1000 * MINUTE),
        received("undated"),
    )
    assert taken(conn, 3) == ["pressing", "undated", "newer"]
    assert taken(conn) == ["old"]
    assert taken(conn) == []


def test_two_who_take_at_once_share_nothing(fresh_url: str) -> None:
    db = Database(fresh_url)
    with db.transaction() as conn:
        add(conn, source(conn), *(received(str(n)) for n in range(10)))
    with db.transaction() as one, db.transaction() as two:
        first, second = taken(one, 6), taken(two, 6)
        assert (len(first), len(second)) == (6, 4)
        assert not set(first) & set(second)
    db.close()


def test_a_processed_entry_is_finished_once(conn: Connection) -> None:
    add(conn, source(conn), received("a"))
    (one,) = entries.take_batch(conn, 1, NOW)
    assert entries.finish(conn, {one.id: Outcome.CLAIMED}, NOW)
    assert not entries.finish(conn, {one.id: Outcome.CLAIMED}, NOW)
    assert entries.retry_or_fail(conn, one.id, "late", NOW) is None
    assert status(conn, "a") == ("completed", 1, None)


def test_a_failed_entry_is_tried_three_times_and_then_waits_for_a_person(conn: Connection) -> None:
    add(conn, source(conn), received("a"))
    now = NOW
    for wait in (MINUTE, 5 * MINUTE):
        (one,) = entries.take_batch(conn, 1, now)
        again = entries.retry_or_fail(conn, one.id, "no \x00 luck", now)
        assert again == now + wait
        assert taken(conn, now=again - timedelta(seconds=1)) == []
        now = again
    (one,) = entries.take_batch(conn, 1, now)
    assert entries.retry_or_fail(conn, one.id, "no luck", now) is None
    assert status(conn, "a") == ("failed", 3, "no luck")
    assert taken(conn, now=now + timedelta(days=1)) == []
    assert entries.retry_failed(conn, now, ids=[one.id + 1]) == 0
    assert entries.retry_failed(conn, now, source=one.source) == 1
    assert status(conn, "a")[:2] == ("pending", 0)
    assert taken(conn, now=now) == ["a"]


def test_what_no_attempt_changes_fails_at_once_and_what_is_not_its_fault_does_not_count(
    conn: Connection,
) -> None:
    add(conn, source(conn), received("a"), received("b"))
    first, second = entries.take_batch(conn, 2, NOW)
    assert entries.fail(conn, first.id, "never", NOW)
    assert entries.postpone(conn, second.id, "the model is away", NOW + MINUTE)
    assert status(conn, first.key)[:2] == ("failed", 1)
    assert status(conn, second.key) == ("pending", 0, "the model is away")
    assert taken(conn) == []
    assert taken(conn, now=NOW + MINUTE) == [second.key]


def running_job(conn: Connection) -> Taker:
    row = conn.execute(
        "INSERT INTO jobs.procrastinate_jobs (task_name, queue_name) VALUES ('t', 'q') RETURNING id"
    ).fetchone()
    assert row is not None
    sent = "UPDATE jobs.procrastinate_jobs SET status = 'doing' WHERE id = %s RETURNING starts"
    started = conn.execute(sent, row).fetchone()
    assert started is not None
    return Taker(row[0], started[0])


def test_entries_whose_worker_died_wait_again_and_those_at_work_stay(conn: Connection) -> None:
    where = source(conn)
    add(conn, where, received("alive"), received("dead"), received("by hand"))
    alive = running_job(conn)
    assert taken(conn, 1, taker=alive) == ["by hand"]
    assert taken(conn, 1, taker=Taker(alive.job, alive.start - 1)) == ["dead"]
    assert taken(conn, 1) == ["alive"]
    assert entries.reclaim(conn, NOW + MINUTE) == Reclaimed(waiting=1)
    assert status(conn, "dead")[:2] == ("pending", 0)
    assert entries.reclaim(conn, NOW + timedelta(hours=2)) == Reclaimed(waiting=1)
    conn.execute("DELETE FROM jobs.procrastinate_jobs WHERE id = %s", (alive.job,))
    assert entries.reclaim(conn, NOW) == Reclaimed(waiting=1)
    assert entries.count_by_status(conn, where).of(Status.PENDING) == 3


def test_an_entry_that_kills_its_workers_comes_alone_and_is_given_up(conn: Connection) -> None:
    where, gone = source(conn), Taker(job=0, start=1)
    add(conn, where, received("poison", title="!"), received("good"))
    for _ in range(2):
        assert taken(conn, taker=gone) == ["poison", "good"]
        entries.reclaim(conn, NOW)
    add(conn, where, received("another"))
    assert taken(conn) == ["another"]
    (poison,) = entries.take_batch(conn, 10, NOW, gone)
    assert poison.key == "poison"
    (good,) = entries.take_batch(conn, 10, NOW)
    assert entries.finish(conn, {good.id: Outcome.NOT_ADVISORY}, NOW)
    assert entries.reclaim(conn, NOW) == Reclaimed(waiting=1)
    assert taken(conn, taker=gone) == ["poison"]
    assert entries.reclaim(conn, NOW) == Reclaimed(waiting=1)
    assert taken(conn, taker=gone) == ["poison"]
    assert entries.reclaim(conn, NOW) == Reclaimed(failed=1)
    assert status(conn, "poison")[0] == "failed"


def test_only_completed_entries_are_purged_and_they_do_not_come_back(conn: Connection) -> None:
    where = source(conn)
    those = [received(key) for key in ("done", "failed", "waiting")]
    add(conn, where, *those)
    for one in entries.take_batch(conn, 3, NOW):
        if one.key == "done":
            entries.finish(conn, {one.id: Outcome.CLAIMED}, NOW)
        elif one.key == "failed":
            entries.fail(conn, one.id, "never", NOW)
        else:
            entries.postpone(conn, one.id, "later", NOW)
    assert entries.purge(conn, NOW, NOW.date()) == 0
    later = NOW + timedelta(days=7)
    assert entries.purge(conn, later, later.date()) == 1
    assert entries.count_by_status(conn, where).by_status == {"failed": 1, "pending": 1}
    assert add(conn, where, *those, now=later) == Added(known=3)
    assert add(conn, where, received("done", "another text"), now=later) == Added(changed=1)


def test_a_purged_entry_is_remembered_for_as_long_as_it_is_listed(conn: Connection) -> None:
    where, day = source(conn), timedelta(days=1)
    add(conn, where, received("listed"), received("gone"))
    for one in entries.take_batch(conn, 2, NOW):
        entries.finish(conn, {one.id: Outcome.DUPLICATE}, NOW)
    assert entries.purge(conn, NOW + day, NOW.date(), most=1) == 1
    assert entries.purge(conn, NOW + day, NOW.date()) == 1
    add(conn, where, received("listed"), now=NOW + 200 * day)
    assert entries.forget_purged(conn, (NOW + 20 * day).date()) == 1
    assert add(conn, where, received("listed"), received("gone")) == Added(new=1, known=1)


def test_waiting_entries_are_weighed_again(conn: Connection) -> None:
    add(conn, source(conn), received("a", "one"), received("b", "two"))
    first, second = entries.list_waiting(conn)
    assert (first.raw, second.raw) == (b"one", b"two")
    assert [one.id for one in entries.list_waiting(conn, after=first.id)] == [second.id]
    assert entries.set_priority(conn, first.id, Weight(5, is_monitored=True))
    assert not entries.set_priority(conn, first.id, Weight(5, is_monitored=True))
    assert taken(conn, 1) == ["a"]


@pytest.mark.parametrize("changed", ["raw", "title", "media_type", "address"])
def test_whatever_an_entry_says_is_in_its_hash(changed: str) -> None:
    said: dict[str, Any] = {"key": "a", "raw": b"1", "title": "2", "media_type": "3", "address": "4"}
    other = said | {changed: b"x" if changed == "raw" else "x"}
    assert entries.content_hash(Received(**said)) != entries.content_hash(Received(**other))
    assert entries.content_hash(Received(**said)) == entries.content_hash(Received(**said | {"key": "b"}))
