"""What is settled in one go comes to what is settled bit by bit, whatever speaks of what in which order."""

import random
from typing import Any

import pytest

from assay.kit.db import Connection
from assay.pipelines.feeds.model.extraction import Extraction
from assay.pipelines.feeds.model.review import State
from assay.pipelines.feeds.store import extractions as store
from assay.pipelines.feeds.tasks.neighbours import Neighbours
from assay.pipelines.feeds.tasks.settling import Reading, Settled, Terms, settle
from pipelines.feeds.scenes import NOW, PROSE, a_source, an_entry, counts, said, value

TERMS = Terms(0.8, lambda one: one.confidence < 0.5, NOW)


def some_readings(conn: Connection, chance: random.Random) -> list[Reading]:
    """Few entries of few feeds about few vulnerabilities, under several names, some of them more than once."""
    found = []
    for _ in range(chance.randint(2, 9)):
        entry = an_entry(conn, chance.choice("ab"), feed=chance.choice(("curl", "mirror")))
        found.append(Reading(entry, PROSE, tuple(some_extractions(chance))))
    return found


def some_extractions(chance: random.Random) -> list[Extraction]:
    names = chance.sample(("CVE-2026-1", "CVE-2026-2", "CVE-2026-3"), chance.randint(0, 3))
    return [
        said(
            name,
            chance.choice((0.3, 0.6, 0.85, 0.95)),
            vendor=value(chance.choice(("curl", "Haxx"))),
            aliases=tuple(value(other) for other in ("GHSA-a", "CVE-2026-2") if chance.random() < 0.3),
        )
        for name in (*names, *([None] if chance.random() < 0.3 else []))
    ]


def kept(conn: Connection) -> list[Any]:
    """Everything of every extraction but its number, in the order of the numbers."""
    return conn.execute(
        "SELECT source, entry_key, names[2:], extracted, state, asks_at, asked FROM feeds.extractions ORDER BY id"
    ).fetchall()


@pytest.mark.parametrize("seed", range(25))
def test_one_go_comes_to_what_bit_by_bit_does(conn: Connection, seed: int):
    for feed in ("curl", "mirror"):
        a_source(conn, feed)
    chance = random.Random(seed)
    # What is there before: people decided about some of it.
    settle(conn, some_readings(conn, chance), TERMS)
    conn.execute("UPDATE feeds.extractions SET state = 'approved' WHERE id % 5 = 0")
    conn.execute("UPDATE feeds.extractions SET state = 'rejected' WHERE id % 5 = 1")
    readings = some_readings(conn, chance)
    found = []
    for parts in ([readings], [[one] for one in readings]):
        with conn.transaction(force_rollback=True):
            done = [settle(conn, part, TERMS) for part in parts]
            found.append((kept(conn), total(done), {number for one in done for number in touched(conn, one)}))
    assert found[0] == found[1]


def total(done: list[Settled]) -> dict[str, int]:
    came = [counts(one) for one in done]
    return {name: sum(one.get(name, 0) for one in came) for name in {name for one in came for name in one}}


def touched(conn: Connection, done: Settled) -> list[str]:
    """The places, in the order of their numbers, of what is to be told anew."""
    rows = conn.execute("SELECT id FROM feeds.extractions ORDER BY id").fetchall()
    return [str(place) for place, row in enumerate(rows) if row[0] in done.touched]


def test_what_was_changed_is_seen_before_it_is_written(conn: Connection):
    entry = an_entry(conn)
    settle(conn, [Reading(entry, PROSE, (said(),))], TERMS)
    store.lock(conn)
    near = Neighbours(conn, NOW)
    [known] = near.named(["CVE-2026-9545"])
    near.set_state([known.id], State.SUPERSEDED)
    assert [one.state for one in near.of_entry(entry.source, entry.key)] == [State.SUPERSEDED]
    assert [one.state for one in Neighbours(conn, NOW).named(["CVE-2026-9545"])] == [State.ACCEPTED]
    near.write()
    assert [one.state for one in Neighbours(conn, NOW).named(["CVE-2026-9545"])] == [State.SUPERSEDED]
    assert near.named(["CVE-2026-1"]) == []
