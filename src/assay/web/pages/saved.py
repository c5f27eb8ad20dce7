"""The filters that a person keeps under a name."""

from typing import Annotated

from fastapi import APIRouter, Form, Path, Request, Response

from assay.auth import commands
from assay.auth.model import Principal
from assay.bootstrap import Context
from assay.domain.numbers import LARGEST_ID
from assay.web.changing import Change
from assay.web.guard import Analyst
from assay.web.pages.acting import Back, act
from assay.web.problems import Refused
from assay.web.reading import Reading
from assay.web.rendering import Rendering, local_path

PAGE = "vulnerabilities"


def router(ctx: Context, _read: Reading, _show: Rendering) -> APIRouter:
    """What the forms of saved filters do."""
    routes = APIRouter(prefix="/filters", include_in_schema=False)

    @routes.post("")
    def save(
        request: Request, who: Analyst, back: Back, name: Annotated[str, Form(max_length=300)]
    ) -> Response:
        person = _person(who)
        query = local_path(back).partition("?")[2]

        def deed(change: Change) -> str:
            commands.save_filter(change.conn, person, PAGE, name, query, ctx.clock())
            change.note("filters.save", name.strip(), {"query": query})
            return f"the filter is kept as {name.strip()}"

        return act(ctx, request, who, back, deed)

    @routes.post("/{key}/remove")
    def remove(
        request: Request, who: Analyst, back: Back, key: Annotated[int, Path(ge=1, le=LARGEST_ID)]
    ) -> Response:
        person = _person(who)

        def deed(change: Change) -> str:
            name = commands.remove_filter(change.conn, person, key)
            change.note("filters.remove", name)
            return f"the filter {name} is forgotten"

        return act(ctx, request, who, back, deed)

    return routes


def _person(who: Principal) -> int:
    if who.person_id is None:
        raise Refused(403, "only people keep filters; a token that belongs to nobody cannot")
    return who.person_id
