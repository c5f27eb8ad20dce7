"""Raw entries: kept as received, given out to be processed, finished or tried again, purged when done."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from hashlib import blake2b
from typing import Any

from psycopg.rows import dict_row

from assay.kit import sql
from assay.kit.compression import compress, decompress
from assay.kit.db import Connection, copy_rows, writable
from assay.pipelines.feeds.model.entries import (
    ALONE_AFTER_DEATHS,
    Added,
    Counts,
    Outcome,
    RawEntry,
    Received,
    Reclaimed,
    Taker,
    Waiting,
    Weight,
    is_given_up_after,
    wait_after,
)

_SQL = sql.beside(__file__)

_COLUMNS = (
    *("key", "content_hash", "media_type", "address", "title", "published_at", "raw", "priority"),
    "is_monitored",
)
_TYPES = ("text", "bytea", "text", "text", "text", "timestamptz", "bytea", "int4", "bool")
# Bytes; an index row of PostgreSQL's holds 2,704.
_LONGEST_KEY = 1024
_LONGEST_TITLE = 2_000
_LONGEST_ERROR = 2_000
# A batch that was taken outside a job is thought lost after so long.
_TOO_OLD = timedelta(hours=1)
_WORKER_DIED = "the worker that processed it ended in the middle"


Weigh = Callable[[Received], Weight]


def add(
    conn: Connection,
    source: int,
    entries: Sequence[Received],
    weigh: Weigh,
    now: datetime,
    *,
    document: str | None = None,
) -> Added:
    """Keep entries as they were received, in one COPY; the same content under the same key is no new entry.

    `document` names the fetched bytes. The caller holds the source, so that no two fetches of it come here at once.
    """
    keyed = {(_key(one.key), content_hash(one)): one for one in entries}
    known, purged = _known(conn, source, {key for key, _ in keyed})
    fresh = {name: one for name, one in keyed.items() if name not in known}
    if purged:
        values = {"source": source, "keys": sorted(purged), "today": now.date()}
        conn.execute(_SQL["note_seen"].text, values)
    if fresh:
        _copy(conn, fresh, weigh)
        conn.execute(_SQL["add_entries"].text, {"source": source, "document": document, "now": now})
    changed = len({key for key, _ in fresh} & {key for key, _ in known})
    return Added(new=len(fresh) - changed, changed=changed, known=len(entries) - len(fresh))


def _known(conn: Connection, source: int, keys: Iterable[str]) -> tuple[set[tuple[str, bytes]], set[str]]:
    """What the source has given under these keys, and the keys under which something was purged."""
    rows = conn.execute(_SQL["find_known"].text, {"source": source, "keys": sorted(keys)}).fetchall()
    return {(row[0], bytes(row[1])) for row in rows}, {row[0] for row in rows if row[2]}


def known_keys(conn: Connection, source: int, keys: Iterable[str]) -> set[str]:
    """Which of these keys the source has given already, with whatever content."""
    named = {_key(key): key for key in keys}
    return {named[key] for key, _ in _known(conn, source, named)[0]}


def _copy(conn: Connection, fresh: dict[tuple[str, bytes], Received], weigh: Weigh) -> None:
    for statement in ("open_entries", "empty_entries"):
        conn.execute(_SQL[statement].text)
    copy_rows(
        conn, "new_feed_entries", _COLUMNS, _TYPES, (_row(*name, one, weigh) for name, one in fresh.items())
    )


def _row(key: str, digest: bytes, one: Received, weigh: Weigh) -> tuple[Any, ...]:
    weight = weigh(one)
    return (
        *(key, digest, writable(one.media_type), one.address and writable(one.address)),
        one.title and writable(one.title)[:_LONGEST_TITLE],
        *(one.published_at, compress(one.raw), weight.priority, weight.is_monitored),
    )


def content_hash(one: Received) -> bytes:
    """What changes whenever an entry says something else; 16 bytes."""
    digest = blake2b(digest_size=16)
    for part in (one.media_type, one.title or "", one.address or ""):
        digest.update(part.encode(errors="replace") + b"\0")
    digest.update(one.raw if one.sameness is None else one.sameness)
    return digest.digest()


def _key(key: str) -> str:
    text = writable(key)
    packed = text.encode()
    if len(packed) <= _LONGEST_KEY:
        return text
    return f"{text[:200]}... #{blake2b(packed, digest_size=16).hexdigest()}"


def take_batch(conn: Connection, size: int, now: datetime, taker: Taker | None = None) -> list[RawEntry]:
    """Up to `size` waiting entries, now being processed: the most pressing first, then the newest.

    Several may take batches at once; nobody gets what another has. Commit before the work begins, and say who
    takes them, so that `reclaim` can tell when that execution has ended. An entry over which several workers died
    comes alone.
    """
    values = {
        "size": size,
        "now": now,
        "alone": ALONE_AFTER_DEATHS,
        "job": taker and taker.job,
        "start": taker and taker.start,
    }
    with conn.cursor(row_factory=dict_row) as cursor:
        for statement in ("take_batch", "take_suspect"):
            rows = cursor.execute(_SQL[statement].text, values).fetchall()
            if rows:
                break
    rows.sort(key=lambda row: (row["priority"], row.pop("newest"), row["id"]), reverse=True)
    return [RawEntry(**{**row, "raw": decompress(row["raw"])}) for row in rows]


def finish(conn: Connection, outcomes: Mapping[int, Outcome], now: datetime) -> int:
    """Note what came of entries by their numbers; returns how many were (still) being processed."""
    values = {"ids": list(outcomes), "outcomes": [one.value for one in outcomes.values()], "now": now}
    return conn.execute(_SQL["finish"].text, values).rowcount


def retry_or_fail(conn: Connection, entry: int, error: str, now: datetime) -> datetime | None:
    """When an entry that failed is tried again; None when that was its last attempt, or it is not being processed."""
    row = conn.execute(_SQL["find_attempts"].text, {"id": entry}).fetchone()
    if row is None:
        return None
    wait, text = wait_after(row[0]), _error(error)
    if wait is None:
        conn.execute(_SQL["give_up"].text, {"id": entry, "error": text, "now": now})
        return None
    again = now + wait
    conn.execute(_SQL["wait_again"].text, {"id": entry, "error": text, "next_attempt_at": again})
    return again


def fail(conn: Connection, entry: int, error: str, now: datetime) -> bool:
    """Give an entry up at once, for what no attempt will change; False when it is not being processed."""
    return conn.execute(_SQL["give_up"].text, {"id": entry, "error": _error(error), "now": now}).rowcount == 1


def postpone(conn: Connection, entry: int, error: str, until: datetime) -> bool:
    """Let an entry wait until then without counting the attempt, for what is not the entry's fault.

    A language model that does not answer is such a thing. False when the entry is not being processed.
    """
    values = {"id": entry, "error": _error(error), "until": until}
    return conn.execute(_SQL["postpone"].text, values).rowcount == 1


def reclaim(conn: Connection, now: datetime) -> Reclaimed:
    """Let the entries wait again whose worker died; those over which too many died are given up.

    Call it before a batch is taken. Entries taken by a job are reclaimed as soon as that execution has ended; those
    taken without one after an hour.
    """
    rows = conn.execute(_SQL["find_abandoned"].text, {"too_old": now - _TOO_OLD}).fetchall()
    lost = [row[0] for row in rows if is_given_up_after(row[1] + 1)]
    again = [row[0] for row in rows if not is_given_up_after(row[1] + 1)]
    for statement, ids in (("reclaim", again), ("give_up_on", lost)):
        if ids:
            conn.execute(_SQL[statement].text, {"ids": ids, "now": now, "error": _WORKER_DIED})
    return Reclaimed(len(again), len(lost))


def retry_failed(
    conn: Connection, now: datetime, *, ids: Sequence[int] | None = None, source: int | None = None
) -> int:
    """How many entries that were given up wait again: these, those of a source, or all of them."""
    values = {"ids": None if ids is None else list(ids), "source": source, "now": now}
    return conn.execute(_SQL["retry_failed"].text, values).rowcount


def purge(conn: Connection, before: datetime, today: date, *, most: int = 10_000) -> int:
    """Forget up to `most` entries that were completed before then, and say how many they were.

    That they were here is kept, so that a source which still lists them does not bring them back.
    """
    values = {"before": before, "today": today, "most": most}
    return conn.execute(_SQL["purge"].text, values).rowcount


def forget_purged(conn: Connection, before: date) -> int:
    """Forget purged entries which their source has not listed since."""
    return conn.execute(_SQL["forget_purged"].text, {"before": before}).rowcount


def count_by_status(conn: Connection, source: int | None = None) -> Counts:
    """How many entries are how far, of one source or of all."""
    return Counts(dict(conn.execute(_SQL["count_by_status"].text, {"source": source}).fetchall()))


def list_waiting(conn: Connection, after: int = 0, size: int = 500) -> list[Waiting]:
    """Waiting entries from behind that number on, for those who weigh them again."""
    rows = conn.execute(_SQL["list_waiting"].text, {"after": after, "size": size})
    return [Waiting(row[0], row[1], row[2], decompress(row[3]), row[4]) for row in rows]


def set_priority(conn: Connection, entry: int, weight: Weight) -> bool:
    """Weigh an entry anew; False when nothing changed."""
    values = {"id": entry, "priority": weight.priority, "is_monitored": weight.is_monitored}
    return conn.execute(_SQL["set_priority"].text, values).rowcount == 1


def _error(error: str) -> str:
    return writable(error)[:_LONGEST_ERROR]
