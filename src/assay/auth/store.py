"""Changes to the tables of signing in, one function per statement."""

from collections.abc import Mapping
from typing import Any

from psycopg.types.json import Jsonb

from assay.auth.model import Principal
from assay.kit import sql
from assay.kit.db import Connection

_SQL = sql.beside(__file__)


def record_change(
    conn: Connection,
    who: Principal,
    action: str,
    subject: str,
    detail: Mapping[str, Any],
    address: str | None,
) -> None:
    """Write one row of the audit log."""
    conn.execute(
        _SQL["record_change"].text,
        {
            "kind": who.kind.value,
            "principal_id": who.id,
            "name": who.name,
            "action": action,
            "subject": subject,
            "detail": Jsonb(dict(detail)),
            "address": address,
        },
    )
