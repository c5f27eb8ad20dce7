"""Writing what a merge decided: rows, names, match rows and the change log, in the caller's transaction."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from assay.catalog import store
from assay.catalog.rules.columns import columns, facet_row, match_row, origin_row
from assay.catalog.rules.merged import Merged
from assay.catalog.rules.replacing import Plan, Replacement
from assay.kit.compression import compress, decompress
from assay.kit.db import Connection, reserve


def write(
    conn: Connection,
    plan: Plan,
    touched: Sequence[store.Touched],
    asserted: dict[str, list[int]],
    now: datetime,
    *,
    is_first: bool,
) -> int:
    """Write curated vulnerabilities: new ones under new keys, changed ones under the key they had.

    Returns how many of the latter say something else than before.
    """
    fresh = iter(
        reserve(conn, "catalog.vulnerabilities_id_seq", sum(e.key is None for e in plan.replacements))
    )
    keys = [entry.key if entry.key is not None else next(fresh) for entry in plan.replacements]
    written = [
        (key, entry) for key, entry in zip(keys, plan.replacements, strict=True) if not entry.is_unchanged
    ]
    replaced = [entry.key for _, entry in written if entry.key is not None]
    before = store.load_documents(conn, replaced) if replaced else {}
    changed = {
        key for key, entry in written if entry.key is not None and not _says(entry.merged, before.get(key))
    }
    renamed = _renamed(plan, touched, asserted)
    if not is_first:
        # A name may still lead to a vulnerability that no claim of this part speaks of any more.
        names = [*renamed, *(name for _, entry in written for name in entry.merged.identifiers)]
        store.clear_vulnerabilities(conn, replaced, [*names, *(name for name, _ in plan.former)])
    scores = store.load_scores(conn, [entry.merged.name for _, entry in written])
    since = {entry.id: entry.changed_at for entry in touched if entry.id not in changed}
    remediated = _remediated(conn, written)
    store.add_vulnerabilities(
        conn,
        [
            columns(key, entry, scores.get(entry.merged.name), since.get(key, now), remediated.get(key))
            for key, entry in written
        ],
    )
    store.add_finished(conn, ((key, compress(e.merged.document), e.merged.provenance) for key, e in written))
    given = [(name, key, asserted[name]) for key, entry in written for name in entry.merged.identifiers]
    given.extend((name, key, asserted[name]) for name, key in renamed.items())
    store.add_identifiers(conn, [*given, *((name, keys[position], []) for name, position in plan.former)])
    store.add_affected(
        conn, (match_row(key, entry.merged, row) for key, entry in written for row in entry.merged.matches)
    )
    store.add_commits(conn, ((commit, key) for key, entry in written for commit in entry.merged.commits))
    said = [(key, entry) for key, entry in written if entry.key is None or key in changed]
    store.add_changes(conn, [_change(key, entry, before.get(key), now) for key, entry in said])
    _write_facets(conn, written, scores, remediated)
    return len(changed)


def _write_facets(
    conn: Connection,
    written: Sequence[tuple[int, Replacement]],
    scores: Mapping[str, tuple[float, float | None]],
    remediated: Mapping[int, datetime],
) -> None:
    origins = [origin_row(entry.merged) for _, entry in written]
    store.add_facets(
        conn,
        (
            facet_row(key, entry, scores.get(entry.merged.name), origin[0], is_remediated=key in remediated)
            for (key, entry), origin in zip(written, origins, strict=True)
        ),
    )
    # Late, because another part that knows the same new ones waits for this transaction's end.
    store.add_origins(conn, {origin[0]: origin for origin in origins}.values())


def _remediated(conn: Connection, written: Sequence[tuple[int, Replacement]]) -> dict[int, datetime]:
    """When people marked vulnerabilities as remediated, under any of their names, by key."""
    said = store.load_remediations(conn, [name for _, entry in written for name in entry.merged.identifiers])
    if not said:
        return {}
    found = {key: [said[name] for name in entry.merged.identifiers if name in said] for key, entry in written}
    return {key: min(times) for key, times in found.items() if times}


def _says(merged: Merged, before: tuple[bytes, bytes] | None) -> bool:
    """Whether a vulnerability said just this before."""
    return before is not None and (decompress(before[0]), before[1]) == (merged.document, merged.provenance)


def _change(
    key: int, entry: Replacement, before: tuple[bytes, bytes] | None, now: datetime
) -> tuple[int, datetime, str, list[str] | None, bytes | None]:
    if entry.key is None:
        return key, now, "added", None, None
    if before is None:
        return key, now, "changed", None, None
    return key, now, "changed", entry.changed_fields(decompress(before[0])), before[0]


def _renamed(plan: Plan, touched: Iterable[store.Touched], asserted: dict[str, list[int]]) -> dict[str, int]:
    """Names of unchanged vulnerabilities that other claims give now than before, with the keys they find.

    An alias may move from one claim to another without a trace in the document. Who gives it decides what is
    gathered with whom next time.
    """
    before = {
        name: said for entry in touched for name, said in zip(entry.names, entry.asserted_by, strict=True)
    }
    return {
        name: entry.key
        for entry in plan.replacements
        if entry.is_unchanged and entry.key is not None
        for name in entry.merged.identifiers
        if before.get(name) != " ".join(map(str, asserted[name]))
    }
