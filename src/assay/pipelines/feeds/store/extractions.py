"""Extractions: what was read out of entries, how each stands, and what people decided about it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from psycopg.types.json import Jsonb

from assay.kit import sql
from assay.kit.compression import compress
from assay.kit.db import Connection, writable
from assay.pipelines.feeds.model.extraction import Extraction
from assay.pipelines.feeds.model.review import OWN_PREFIX, Fresh, Known, State

_SQL = sql.beside(__file__)
_LONGEST_TITLE = 1_000

_encode = msgspec.json.Encoder().encode


def lock(conn: Connection) -> None:
    """Let nobody else place or decide until the transaction ends."""
    conn.execute(_SQL["lock"].text)


def next_own_identifier(conn: Connection, now: datetime) -> str:
    """A new name for what nobody named."""
    row = conn.execute(_SQL["next_own_number"].text).fetchone()
    assert row is not None
    return f"{OWN_PREFIX}{now.year}-{row[0]}"


def find_of_entry(conn: Connection, source: int, entry_key: str) -> list[Known]:
    """What a source's entry said before, the oldest first."""
    values = {"source": source, "entry_key": writable(entry_key)}
    return [_known(row) for row in conn.execute(_SQL["find_of_entry"].text, values).fetchall()]


def find_named(conn: Connection, names: Sequence[str]) -> list[Known]:
    """Every extraction that speaks of a vulnerability of any of these names, the oldest first."""
    rows = conn.execute(_SQL["find_named"].text, {"names": list(names)}).fetchall()
    return [_known(row) for row in rows]


def _known(row: Sequence[Any]) -> Known:
    extracted = msgspec.convert(row[3], Extraction)
    return Known(row[0], row[1], row[2], extracted, extracted.confidence, State(row[4]))


def names_of(identifier: str, said: Extraction) -> list[str]:
    """All names that an extraction gives its vulnerability, the one it goes by first."""
    return list(dict.fromkeys([identifier, *(one.value for one in said.aliases)]))


def add(conn: Connection, fresh: Fresh, state: State, asks_at: datetime | None, now: datetime) -> int:
    """Keep what was read for the first time; returns its number."""
    row = conn.execute(_SQL["add"].text, _values(fresh, state, asks_at, now)).fetchone()
    assert row is not None
    return int(row[0])


def replace(
    conn: Connection, number: int, fresh: Fresh, state: State, asks_at: datetime | None, now: datetime
) -> None:
    """Keep what was read anew in the place of what was read before; what a person decided stays."""
    conn.execute(_SQL["replace"].text, {**_values(fresh, state, asks_at, now), "id": number})


def _values(fresh: Fresh, state: State, asks_at: datetime | None, now: datetime) -> dict[str, Any]:
    said = fresh.extracted
    return {
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
        "state": state.value,
        "is_monitored": fresh.is_monitored,
        "model": fresh.model,
        "reader": fresh.reader,
        "published_at": fresh.prose.published,
        "now": now,
        "asks_at": asks_at,
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
