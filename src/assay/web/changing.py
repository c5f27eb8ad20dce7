"""A change that somebody makes by HTTP: one transaction with its row in the audit log."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from fastapi import Request

from assay.auth.commands import record_change
from assay.auth.model import Principal
from assay.bootstrap import Context
from assay.errors import Conflict, Permanent
from assay.kit.db import Connection, writable
from assay.web.addresses import address_of
from assay.web.problems import Refused


@dataclass(frozen=True, slots=True)
class Change:
    """The transaction of a change, and who makes it."""

    conn: Connection
    who: Principal
    address: str | None

    def note(self, action: str, subject: object, detail: Mapping[str, Any] | None = None) -> None:
        """Write what is changed into the audit log."""
        told = None if detail is None else {name: _writable(value) for name, value in detail.items()}
        record_change(self.conn, self.who, action, writable(str(subject)), told, self.address)


def _writable(value: Any) -> Any:
    """The value as jsonb can hold it."""
    if isinstance(value, list):
        return [_writable(one) for one in value]
    return writable(value) if isinstance(value, str) else value


@contextmanager
def changing(ctx: Context, request: Request, who: Principal) -> Iterator[Change]:
    """A transaction for a change. What contradicts the present state is answered by 409, what cannot be by 400."""
    try:
        with ctx.db.transaction() as conn:
            yield Change(conn, who, address_of(request))
    except Conflict as error:
        raise Refused(409, str(error)) from error
    except Permanent as error:
        raise Refused(400, str(error)) from error
