"""What a person changes by a command, noted in the audit log like what they change on a page."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assay.kit.db import Connection


def note_change(
    conn: "Connection", by: str, action: str, subject: str, detail: Mapping[str, Any] | None = None
) -> None:
    """A row of the audit log, in the transaction of the change; action and subject are worded as by HTTP."""
    from assay.auth.commands import record_change
    from assay.auth.model import Kind, Principal, Role

    record_change(conn, Principal(Kind.LOCAL, by, Role.ADMIN), action, subject, detail)
