"""Extractions: what was read out of entries, how each stands, and what people decided about it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from psycopg.types.json import Jsonb

from assay.kit import sql
from assay.kit.compression import compress
from assay.kit.db import Connection, reserve, writable
from assay.pipelines.feeds.model.extraction import Extraction
from assay.pipelines.feeds.model.review import OWN_PREFIX, Fresh, Known, State

_SQL = sql.beside(__file__)
_LONGEST_TITLE = 1_000

Entry = tuple[int, str]
"""A source's number and the key of one of its entries."""

_encode = msgspec.json.Encoder().encode


def lock(conn: Connection) -> None:
    """Let nobody else place or decide until the transaction ends."""
    conn.execute(_SQL["lock"].text)


def next_own_identifier(conn: Connection, now: datetime) -> str:
    """A new name for what nobody named."""
    row = conn.execute(_SQL["next_own_number"].text).fetchone()
    assert row is not None
    return f"{OWN_PREFIX}{now.year}-{row[0]}"


@dataclass(frozen=True, slots=True)
class Near:
    """An extraction, out of which entry it is, and every name that it gives its vulnerability."""

    known: Known
    entry: Entry
    names: Sequence[str]


def find_near(conn: Connection, entries: Sequence[Entry] = (), names: Sequence[str] = ()) -> list[Near]:
    """Every extraction out of one of these entries or about a vulnerability of one of these names, the oldest first."""
    values = {
        "sources": [source for source, _ in entries],
        "entry_keys": [writable(key) for _, key in entries],
        "names": list(names),
    }
    return [_near(row) for row in conn.execute(_SQL["find_near"].text, values).fetchall()]


def _near(row: Sequence[Any]) -> Near:
    extracted = msgspec.convert(row[3], Extraction)
    known = Known(row[0], row[1], row[2], extracted, extracted.confidence, State(row[4]))
    return Near(known, (row[5], row[6]), row[7])


def names_of(identifier: str, said: Extraction) -> list[str]:
    """All names that an extraction gives its vulnerability, the one it goes by first."""
    return list(dict.fromkeys([identifier, *(one.value for one in said.aliases)]))


@dataclass(frozen=True, slots=True)
class Written:
    """An extraction as it is to be kept; with `asks_at` a language model is to be asked about it then."""

    id: int
    fresh: Fresh
    state: State
    asks_at: datetime | None


def reserve_numbers(conn: Connection, count: int) -> list[int]:
    """Numbers for so many new extractions."""
    return reserve(conn, "feeds.extractions_id_seq", count)


def add(conn: Connection, written: Iterable[Written], now: datetime) -> None:
    """Keep what was read for the first time, under numbers that were reserved."""
    _write(conn, "add", written, now)


def replace(conn: Connection, written: Iterable[Written], now: datetime) -> None:
    """Keep what was read anew in the place of what was read before; what a person decided stays."""
    _write(conn, "replace", written, now)


def _write(conn: Connection, statement: str, written: Iterable[Written], now: datetime) -> None:
    values = [_values(one, now) for one in written]
    if values:
        with conn.cursor() as cursor:
            cursor.executemany(_SQL[statement].text, values)


def _values(one: Written, now: datetime) -> dict[str, Any]:
    fresh = one.fresh
    said = fresh.extracted
    return {
        "id": one.id,
        "entry": fresh.entry,
        "source": fresh.source,
        "entry_key": writable(fresh.entry_key),
        "record_id": writable(fresh.record_id),
        "identifier": fresh.identifier,
        "names": names_of(fresh.identifier, said),
        "title": fresh.title and writable(fresh.title)[:_LONGEST_TITLE],
        "address": fresh.address and writable(fresh.address),
        "text": compress(_encode(fresh.prose)),
        "extracted": as_json(said),
        "confidence": said.confidence,
        "doubts": [one.value for one in said.doubts],
        "state": one.state.value,
        "is_monitored": fresh.is_monitored,
        "model": fresh.model,
        "reader": fresh.reader,
        "published_at": fresh.prose.published,
        "now": now,
        "asks_at": one.asks_at,
    }


def as_json(said: Extraction | None) -> Jsonb | None:
    """An extraction as jsonb holds it."""
    return None if said is None else Jsonb(msgspec.to_builtins(said))


def set_state(conn: Connection, ids: Sequence[int], state: State) -> None:
    """Say how some stand."""
    conn.execute(_SQL["set_state"].text, {"ids": list(ids), "state": state.value})


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person decided about an extraction; nobody and never where they take a decision back."""

    state: State
    identifier: str
    names: Sequence[str]
    decided: Extraction | None
    by: str | None
    at: datetime | None
    note: str | None


def set_decision(conn: Connection, number: int, made: Decision) -> None:
    """Keep a person's decision."""
    values = {
        "id": number,
        "state": made.state.value,
        "identifier": made.identifier,
        "names": list(made.names),
        "decided": as_json(made.decided),
        "by": made.by,
        "at": made.at,
        "note": made.note,
    }
    conn.execute(_SQL["set_decision"].text, values)


def set_draft(conn: Connection, number: int, decided: Extraction | None) -> None:
    """Keep what a person made of one before they decide."""
    conn.execute(_SQL["set_draft"].text, {"id": number, "decided": as_json(decided)})


def take_to_ask(conn: Connection, now: datetime, until: datetime) -> tuple[int, int] | None:
    """(number, how often asked in vain) of an extraction to ask a language model about; None where there is none.

    Nobody else is given it before `until`, and somebody is then, in case whoever takes it dies.
    """
    row = conn.execute(_SQL["take_to_ask"].text, {"now": now, "until": until}).fetchone()
    return None if row is None else (int(row[0]), int(row[1]))


def ask_again(conn: Connection, number: int, asks_at: datetime) -> None:
    """Let the language model be asked again then, because it did not answer."""
    conn.execute(_SQL["ask_again"].text, {"id": number, "asks_at": asks_at})


def stop_asking(conn: Connection, number: int, model: str | None = None) -> None:
    """Let no language model be asked about one any more; `model` is the one that answered."""
    conn.execute(_SQL["stop_asking"].text, {"id": number, "model": model})


def stop_asking_at_all(conn: Connection) -> int:
    """Wait for no language model any more; returns for how many extractions one was waited for."""
    return conn.execute(_SQL["stop_asking_at_all"].text).rowcount
