"""What a page does when somebody presses a button: one change, noted in the audit log, and back with a sentence."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from fastapi import Form, Request, Response

from assay.auth.commands import record_change
from assay.auth.model import Principal
from assay.bootstrap import Context
from assay.errors import Conflict, NotFound, Permanent
from assay.kit.db import Connection
from assay.web.rendering import Said, back_to

Back = Annotated[str, Form()]
"""The page that the form stands on."""


class Change:
    """One change by somebody, in one transaction with its row of the audit log."""

    def __init__(self, conn: Connection, who: Principal, address: str | None) -> None:
        self.conn = conn
        self.who = who
        self._address = address

    def note(self, action: str, subject: str, detail: Mapping[str, Any] | None = None) -> None:
        """Put it into the audit log."""
        record_change(self.conn, self.who, action, subject, detail, self._address)


Deed = Callable[[Change], str]
"""Makes a change, notes it, and says what it came to."""


def act(
    ctx: Context, request: Request, who: Principal, back: str, deed: Deed, *, failed: str | None = None
) -> Response:
    """Back on the page, which says what the deed came to, or why it could not be.

    `failed` is where to go in that case, e.g. to the form with what was typed.
    """
    address = request.client.host if request.client else None
    try:
        with ctx.db.transaction() as conn:
            said = deed(Change(conn, who, address))
    except (Conflict, NotFound, Permanent) as error:
        return back_to(request, failed or back, Said(_sentence(str(error)), is_bad=True))
    return back_to(request, back, Said(_sentence(said)))


def _sentence(said: str) -> str:
    said = said[:1].upper() + said[1:]
    return said if said.endswith((".", "!", "?")) else f"{said}."
