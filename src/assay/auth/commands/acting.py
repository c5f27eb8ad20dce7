"""Who does something, when and from where, in which transaction; and the note of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from assay.auth import store
from assay.auth.model import Policy, Principal
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


@dataclass(frozen=True, slots=True)
class Act:
    """Somebody's doing: every change within it is noted as theirs."""

    conn: Connection
    policy: Policy
    now: datetime
    who: Principal
    address: str | None = None

    def note(self, action: str, subject: str, **detail: Any) -> None:
        """Note what was changed."""
        record_change(self.conn, self.who, action, subject, detail, self.address)
