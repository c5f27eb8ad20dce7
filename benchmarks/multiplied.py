"""Make a filled catalog larger: every vulnerability again under other names, until there are so many.

Everything that lists, counts and shows reads is copied: rows, facets, names, match rows, documents and changes. A copy
was published and modified some days before its original, so that the copies do not stand in a row in any order.
"""

from assay.bootstrap import Context
from assay.kit.db import Connection

_DAYS = 17

# Of each table the columns that a copy changes, in SQL: `n` is the number of the copy, `step` lies between keys.
_CHANGED = {
    "catalog.vulnerabilities": {
        "id": "id + n * step",
        "name": "name || '.' || n",
        "published_at": "published_at - n * days",
        "modified_at": "modified_at - n * days",
    },
    "catalog.facets": {
        "vulnerability_id": "vulnerability_id + n * step",
        "published_at": "greatest(published_at - n * days, '1900-01-01 00:00:00+00')",
        "modified_at": "greatest(modified_at - n * days, '1900-01-01 00:00:00+00')",
    },
    "catalog.finished": {"vulnerability_id": "vulnerability_id + n * step"},
    "catalog.identifiers": {
        "identifier": "identifier || '.' || n",
        "vulnerability_id": "vulnerability_id + n * step",
    },
    "catalog.affected": {"vulnerability_id": "vulnerability_id + n * step"},
}


def multiply(conn: Connection, wanted: int) -> int:
    """Copy until the catalog has at least so many vulnerabilities; returns how many it has. Autocommit is needed."""
    row = conn.execute("SELECT count(*), max(id) FROM catalog.vulnerabilities").fetchone()
    assert row is not None
    held, step = row
    copies = -(-wanted // held) - 1 if held else 0
    for number in range(1, copies + 1):
        for table, changed in _CHANGED.items():
            columns = _columns(conn, table)
            values = ", ".join(changed.get(column, column) for column in columns)
            key = "id" if table == "catalog.vulnerabilities" else "vulnerability_id"
            conn.execute(
                f"INSERT INTO {table} ({', '.join(columns)}) "
                f"SELECT {values} FROM {table}, (SELECT {number} AS n, {step}::bigint AS step, "
                f"interval '{_DAYS} days' AS days) AS copy WHERE {key} <= {step}"
            )
    if copies > 0:
        conn.execute("SELECT setval('catalog.vulnerabilities_id_seq', max(id)) FROM catalog.vulnerabilities")
    conn.execute("VACUUM ANALYZE")
    return int(held * (copies + 1))


def change_edition(ctx: Context) -> None:
    """Let the catalog have another edition, as every change of it does: no answer that was kept is good any more."""
    with ctx.db.transaction() as conn:
        conn.execute("UPDATE catalog.editions SET number = number + 1")


def _columns(conn: Connection, table: str) -> list[str]:
    """The columns that are written; generated ones write themselves."""
    rows = conn.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 "
        "AND NOT attisdropped AND attgenerated = '' ORDER BY attnum",
        (table,),
    )
    return [row[0] for row in rows]
