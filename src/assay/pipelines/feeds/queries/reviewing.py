"""The queue of review: what waits for a person, in which order, and one item with its text."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from psycopg.rows import class_row, namedtuple_row

from assay.domain.numbers import LARGEST_ID
from assay.errors import NotFound
from assay.kit import sql
from assay.kit.compression import decompress
from assay.kit.db import Connection, writable
from assay.pipelines.feeds.model.extraction import Doubt, Extraction, Prose, Quote
from assay.pipelines.feeds.model.review import Filters, Item, Line, Standing, State

_SQL = sql.beside(__file__)

_prose = msgspec.json.Decoder(Prose).decode


class After(NamedTuple):
    """The last line of a page, from which the next page goes on."""

    is_monitored: bool
    confidence: float
    id: int


def get_items(conn: Connection, ids: Sequence[int]) -> list[Item]:
    """These extractions with their texts, by number; those that are not there are left out."""
    with conn.cursor(row_factory=namedtuple_row) as cursor:
        rows = cursor.execute(_SQL["get_item"].text, {"ids": list(ids)}).fetchall()
    return [_item(row) for row in rows]


def get_item(conn: Connection, number: int) -> Item:
    """One extraction with its text. Raises NotFound."""
    found = get_items(conn, [number])
    if not found:
        raise NotFound(f"there is no extraction {number}; `assay feeds review list` lists what waits")
    return found[0]


def _item(row: Any) -> Item:
    values = row._asdict()
    values["prose"] = _prose(decompress(values.pop("text")))
    values["extracted"] = msgspec.convert(values["extracted"], Extraction)
    decided = values["decided"]
    values["decided"] = None if decided is None else msgspec.convert(decided, Extraction)
    values["doubts"] = tuple(map(Doubt, values["doubts"]))
    values["state"] = State(values["state"])
    return Item(**values)


def list_lines(conn: Connection, filters: Filters, *, limit: int, after: After | None = None) -> list[Line]:
    """A page of extractions, from behind the last one of the page before on.

    What waits comes in the order in which people should look: monitored first, then the surest, then the oldest; what
    stands in another way comes newest first.
    """
    values = {
        "state": filters.state.value,
        "feed": filters.feed,
        "doubt": filters.doubt and filters.doubt.value,
        "is_monitored": filters.is_monitored,
        "at_least": filters.at_least,
        "at_most": filters.at_most,
        "words": _pattern(filters.words),
        "limit": limit,
        "after_id": after and after.id,
        "after_monitored": None if after is None else after.is_monitored,
        "after_confidence": None if after is None else after.confidence,
    }
    name = "list_queue" if filters.state is State.IN_REVIEW else "list_others"
    with conn.cursor(row_factory=class_row(Line)) as cursor:
        return cursor.execute(_SQL[name].text, values).fetchall()


def _pattern(words: str | None) -> str | None:
    if not words:
        return None
    escaped = writable(words).replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def cursor_of(line: Line) -> str:
    """Where the page after this line begins, as clients carry it."""
    text = f"{int(line.is_monitored)}:{line.confidence!r}:{line.id}"
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def after_cursor(cursor: str) -> After:
    """Where a page begins. Raises ValueError for what is no cursor."""
    packed = cursor.encode() + b"=" * (-len(cursor) % 4)
    monitored, confidence, number = urlsafe_b64decode(packed).decode().split(":")
    found = After(monitored == "1", float(confidence), int(number))
    if not 0 <= found.confidence <= 1 or not 0 < found.id <= LARGEST_ID:
        raise ValueError("out of range")
    return found


def next_in_queue(conn: Connection, item: Item) -> int | None:
    """The number of what comes after an extraction in the queue, else of the first; None where nothing else waits."""
    after = After(item.is_monitored, item.confidence, item.id)
    for place in (after, None):
        lines = [one for one in list_lines(conn, Filters(), limit=2, after=place) if one.id != item.id]
        if lines:
            return lines[0].id
    return None


def before_in_queue(conn: Connection, item: Item) -> int | None:
    """The number of what comes before an extraction in the queue; None for the first."""
    values = {"is_monitored": item.is_monitored, "confidence": item.confidence, "id": item.id}
    row = conn.execute(_SQL["find_before"].text, values).fetchone()
    return None if row is None else int(row[0])


def list_feeds(conn: Connection) -> list[str]:
    """The names of all sources of entries."""
    return [row[0] for row in conn.execute(_SQL["list_feeds"].text).fetchall()]


def count_states(conn: Connection) -> Mapping[str, int]:
    """How many extractions stand how."""
    found = dict(conn.execute(_SQL["count_states"].text).fetchall())
    return {state.value: found.get(state.value, 0) for state in State}


def count_to_review(conn: Connection) -> int:
    """How many extractions wait for a person."""
    row = conn.execute(_SQL["count_to_review"].text).fetchone()
    assert row is not None
    return int(row[0])


def count_standing(conn: Connection) -> Standing:
    """How many vulnerabilities the feeds speak of, and how they stand."""
    row = conn.execute(_SQL["count_standing"].text).fetchone()
    assert row is not None
    return Standing(total=row[0], needs_review=row[1], approved=row[0] - row[1])


def places_of(said: Extraction) -> Mapping[str, list[Quote]]:
    """Per field of an extraction the places of the text that support it, in the order of the text."""
    found: dict[str, list[Quote]] = {}
    for name in said.__struct_fields__:
        value = getattr(said, name)
        for one in value if isinstance(value, tuple) else (value,):
            quotes = getattr(one, "quotes", ())
            if quotes:
                found.setdefault(name, []).extend(quotes)
    return {name: sorted(set(quotes), key=lambda one: (one.start, one.end)) for name, quotes in found.items()}
