"""The settings: people and tokens, and what else an administrator may change while everything runs."""

from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Path, Request, Response

from assay.auth import commands, queries
from assay.auth.commands import Act
from assay.auth.model import Purpose, Role
from assay.bootstrap import Context
from assay.domain.numbers import LARGEST_ID
from assay.errors import Forbidden
from assay.jobs.choices import list_choices
from assay.web.changeable import as_text, change_settings, from_text, shown
from assay.web.changing import Change
from assay.web.guard import Admin
from assay.web.pages.acting import Back, act
from assay.web.problems import Refused
from assay.web.reading import Reading
from assay.web.rendering import Rendering

_Key = Annotated[int, Path(ge=1, le=LARGEST_ID)]
_Name = Annotated[str, Form(max_length=200)]
_Value = Annotated[str, Form(max_length=1000)]
_LASTS = {"30d": timedelta(days=30), "90d": timedelta(days=90), "365d": timedelta(days=365), "": None}


def router(ctx: Context, read: Reading, show: Rendering) -> APIRouter:
    """The pages below `/settings`."""
    routes = APIRouter(prefix="/settings", include_in_schema=False)
    _add_people(routes, ctx)
    _add_tokens(routes, ctx)
    _add_values(routes, ctx)

    @routes.get("")
    def every(request: Request, who: Admin) -> Response:
        now = ctx.clock()
        people, tokens, chosen = read(
            lambda conn: (queries.list_people(conn, now), queries.list_tokens(conn, now), list_choices(conn))
        )
        return show(
            request, "settings.html", who, people=people, tokens=tokens, roles=list(Role),
            values=shown(ctx, chosen), as_text=as_text,
        )  # fmt: skip

    return routes


def _add_values(routes: APIRouter, ctx: Context) -> None:
    @routes.post("/values")
    def change(request: Request, who: Admin, back: Back, name: _Name, value: _Value = "") -> Response:
        def deed(change: Change) -> str:
            change_settings(ctx, change, {name: from_text(name, value)})
            return f"{name} is {value.strip() or 'empty'} from now on"

        return act(ctx, request, who, back, deed)

    @routes.post("/values/reset")
    def reset(request: Request, who: Admin, back: Back, name: _Name) -> Response:
        def deed(change: Change) -> str:
            change_settings(ctx, change, {name: None})
            return f"{name} is as the settings file and the environment say"

        return act(ctx, request, who, back, deed)


def _doing(ctx: Context, change: Change) -> Act:
    return Act(change.conn, ctx.sign_in, ctx.clock(), change.who, change.address)


def _allowed(ctx: Context, work: Callable[[Act], str]) -> Callable[[Change], str]:
    """The deed of a form; what may not be is told on the page."""

    def deed(change: Change) -> str:
        try:
            return work(_doing(ctx, change))
        except Forbidden as error:
            raise Refused(403, str(error)) from error

    return deed


def _add_people(routes: APIRouter, ctx: Context) -> None:
    @routes.post("/people")
    def add(request: Request, who: Admin, back: Back, name: _Name, role: Annotated[Role, Form()]) -> Response:
        def work(doing: Act) -> str:
            made = commands.add_person(doing, name, role)
            return f"{made.name} may sign in as {role} with this link: `{_invited(ctx, request, doing, made.id)}`"

        return act(ctx, request, who, back, _allowed(ctx, work))

    @routes.post("/people/{key}/role")
    def change_role(
        request: Request, who: Admin, back: Back, key: _Key, role: Annotated[Role, Form()]
    ) -> Response:
        def work(doing: Act) -> str:
            return f"{commands.change_role(doing, key, role).name} is {role} now"

        return act(ctx, request, who, back, _allowed(ctx, work))

    @routes.post("/people/{key}/{verb}")
    def switch(
        request: Request, who: Admin, back: Back, key: _Key, verb: Literal["enable", "disable", "invite"]
    ) -> Response:
        def work(doing: Act) -> str:
            if verb == "enable":
                return f"{commands.enable(doing, key).name} may sign in again"
            if verb == "disable":
                return f"{commands.disable(doing, key).name} is signed out and may not sign in"
            return f"this link lets them choose a password, once: `{_invited(ctx, request, doing, key)}`"

        return act(ctx, request, who, back, _allowed(ctx, work))


def _invited(ctx: Context, request: Request, doing: Act, key: int) -> str:
    secret = commands.make_link(doing, key, Purpose.PASSWORD)
    base = ctx.settings.web_public_url or str(request.base_url)
    return f"{base.rstrip('/')}/sign-in/link?token={secret}"


def _add_tokens(routes: APIRouter, ctx: Context) -> None:
    @routes.post("/tokens")
    def add(
        request: Request,
        who: Admin,
        back: Back,
        name: _Name,
        role: Annotated[Role, Form()],
        lasts: Annotated[Literal["", "30d", "90d", "365d"], Form()] = "",
    ) -> Response:
        def work(doing: Act) -> str:
            length = _LASTS[lasts]
            expires = None if length is None else doing.now + length
            made = commands.add_token(doing, name, role, expires_at=expires)
            return f"the token {made.token.name}, shown this once: `{made.secret}`"

        return act(ctx, request, who, back, _allowed(ctx, work))

    @routes.post("/tokens/{key}/revoke")
    def revoke(request: Request, who: Admin, back: Back, key: _Key) -> Response:
        def work(doing: Act) -> str:
            return f"the token {commands.revoke_token(doing, key).name} is good for nothing any more"

        return act(ctx, request, who, back, _allowed(ctx, work))
