"""Settling what was read out of entries: each extraction takes its place beside those that are known."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from assay.kit.db import Connection
from assay.pipelines.feeds.model.entries import Outcome, RawEntry
from assay.pipelines.feeds.model.extraction import Extraction, Prose
from assay.pipelines.feeds.model.review import Fresh, Known, State, Stats
from assay.pipelines.feeds.rules.claims import record_id_of
from assay.pipelines.feeds.rules.extracting import READER_VERSION
from assay.pipelines.feeds.rules.placing import Came, next_best, place
from assay.pipelines.feeds.store import extractions as store
from assay.pipelines.feeds.tasks.neighbours import Neighbours

_ALIVE = (State.ACCEPTED, State.IN_REVIEW, State.SKIPPED)


@dataclass(frozen=True, slots=True)
class Reading:
    """What one entry was read as. Without extractions it is no advisory."""

    entry: RawEntry
    prose: Prose
    extractions: tuple[Extraction, ...]


@dataclass(slots=True)
class Settled:
    """What came of some readings: the counts, what became of each entry, and whose claims are to be told anew."""

    stats: Stats = field(default_factory=Stats)
    outcomes: dict[int, Outcome] = field(default_factory=dict)
    touched: set[int] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Terms:
    """Under which terms extractions are settled: how sure is sure enough, and which ones a model is asked about."""

    threshold: float
    asks: Callable[[Extraction], bool]
    now: datetime


def settle(conn: Connection, readings: Sequence[Reading], terms: Terms) -> Settled:
    """Give every extraction its place, in the caller's transaction. The same reading twice changes nothing."""
    store.lock(conn)
    extractions = [said for reading in readings for said in reading.extractions]
    near = Neighbours(conn, terms.now, most=len(extractions))
    near.fetch(
        [(reading.entry.source, reading.entry.key) for reading in readings],
        [name for said in extractions for name in _names_in(said)],
    )
    done = Settled()
    for reading in readings:
        done.outcomes[reading.entry.id] = _settle_entry(conn, near, reading, terms, done)
        done.stats.processed += 1
    near.write()
    return done


def _settle_entry(
    conn: Connection, near: Neighbours, reading: Reading, terms: Terms, done: Settled
) -> Outcome:
    entry = reading.entry
    before = near.of_entry(entry.source, entry.key)
    nameless = [one for one in before if _named(one) is None]
    came: list[Came] = []
    kept: set[int] = set()
    for said in reading.extractions:
        own = _own_of(said, before, nameless)
        fresh = _fresh(conn, reading, said, own, terms.now)
        number, how = settle_one(near, fresh, own, terms, done)
        kept.add(number)
        came.append(how)
        setattr(done.stats, how.value, getattr(done.stats, how.value) + 1)
    _let_go(near, [one for one in before if one.id not in kept], terms, done)
    return _outcome(reading, came)


def _own_of(said: Extraction, before: Sequence[Known], nameless: list[Known]) -> Known | None:
    """What the entry said of the same vulnerability before; what nobody named is told apart by its order."""
    if said.identifier is None:
        return nameless.pop(0) if nameless else None
    # Not by the name it goes by now: a person may have reassigned it.
    name = said.identifier.value
    return next((one for one in before if _named(one) == name), None)


def _names_in(said: Extraction) -> list[str]:
    return [one.value for one in (said.identifier, *said.aliases) if one is not None]


def _named(known: Known) -> str | None:
    return None if known.extraction.identifier is None else known.extraction.identifier.value


def _fresh(conn: Connection, reading: Reading, said: Extraction, own: Known | None, now: datetime) -> Fresh:
    entry = reading.entry
    if own is not None:
        identifier, record_id = own.identifier, own.record_id
    else:
        named = said.identifier
        identifier = named.value if named is not None else store.next_own_identifier(conn, now)
        record_id = record_id_of(entry.source_name, entry.key, identifier)
    title = entry.title or reading.prose.text[: reading.prose.title_end].strip()
    return Fresh(
        entry=entry.id,
        source=entry.source,
        feed=entry.source_name,
        entry_key=entry.key,
        record_id=record_id,
        identifier=identifier,
        title=title or None,
        address=entry.address,
        prose=reading.prose,
        extracted=said,
        is_monitored=entry.is_monitored,
        reader=READER_VERSION,
    )


def settle_one(
    near: Neighbours, fresh: Fresh, own: Known | None, terms: Terms, done: Settled
) -> tuple[int, Came]:
    """The number of an extraction that took its place, and how it came there."""
    said = fresh.extracted
    names = store.names_of(fresh.identifier, said)
    others = [one for one in near.named(names) if own is None or one.id != own.id]
    placed = place(said, terms.threshold, own, others)
    if own is not None and placed.came is Came.DUPLICATES and placed.state is own.state:
        return own.id, placed.came
    asks_at = terms.now if placed.state is State.IN_REVIEW and terms.asks(said) else None
    if own is None:
        number = near.add(fresh, placed.state, asks_at)
    else:
        number = own.id
        near.replace(own, fresh, placed.state, asks_at)
    near.set_state(placed.behind, State.SKIPPED)
    done.touched |= {number, *placed.behind}
    return number, placed.came


def _let_go(near: Neighbours, gone: Sequence[Known], terms: Terms, done: Settled) -> None:
    """What the entry does not say any more speaks no longer, unless a person decided about it."""
    lost = [one for one in gone if one.state in _ALIVE]
    if not lost:
        return
    near.set_state([one.id for one in lost], State.SUPERSEDED)
    done.touched |= {one.id for one in lost}
    revive(near, [one.identifier for one in lost], terms.threshold, done.touched)


def revive(near: Neighbours, names: Iterable[str], threshold: float, touched: set[int]) -> None:
    """Let the next best extraction speak of each vulnerability of which none speaks any more."""
    for name in names:
        found = next_best(near.named([name]), threshold)
        if found is not None:
            near.set_state([found[0]], found[1])
            touched.add(found[0])


def _outcome(reading: Reading, came: Sequence[Came]) -> Outcome:
    if not reading.extractions:
        return Outcome.NOT_ADVISORY
    if all(one is Came.DUPLICATES for one in came):
        return Outcome.DUPLICATE
    if all(one.identifier is None for one in reading.extractions):
        return Outcome.CANDIDATE
    return Outcome.CLAIMED
