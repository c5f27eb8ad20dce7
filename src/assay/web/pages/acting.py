"""What a page does when somebody presses a button: one change, and back with a sentence about it."""

from collections.abc import Callable
from typing import Annotated

from fastapi import Form, Request, Response

from assay.auth.model import Principal
from assay.bootstrap import Context
from assay.errors import NotFound
from assay.web.changing import Change, changing
from assay.web.problems import Refused
from assay.web.rendering import Said, back_to

Back = Annotated[str, Form(max_length=2000)]
"""The page that the form stands on."""

Deed = Callable[[Change], str]
"""Makes a change, notes it, and says what it came to."""


def act(
    ctx: Context, request: Request, who: Principal, back: str, deed: Deed, *, failed: str | None = None
) -> Response:
    """Back on the page, which says what the deed came to, or why it could not be.

    `failed` is where to go in that case, e.g. to the form with what was typed.
    """
    try:
        with changing(ctx, request, who) as change:
            said = deed(change)
    except (Refused, NotFound) as error:
        return back_to(request, failed or back, Said(_sentence(str(error)), is_bad=True))
    return back_to(request, back, Said(_sentence(said)))


def _sentence(said: str) -> str:
    # What begins with the name of a setting or a parameter keeps it as it is written.
    if said.partition(" ")[0].rstrip(":").isalpha():
        said = said[:1].upper() + said[1:]
    return said if said.endswith((".", "!", "?")) else f"{said}."
