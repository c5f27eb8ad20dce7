"""What may be asked of signing in now."""

from collections.abc import Mapping
from typing import Any

from assay.auth import store
from assay.auth.model import Principal
from assay.kit.db import Connection


def record_change(
    conn: Connection,
    who: Principal,
    action: str,
    subject: str,
    detail: Mapping[str, Any] | None = None,
    address: str | None = None,
) -> None:
    """Note in the audit log what somebody changes, in the transaction of the change.

    `action` is a word of the room and a verb (`jobs.retry`, `sources.run`), `subject` what it was done to.
    """
    store.record_change(conn, who, action, subject, detail or {}, address)
