"""Signing in and out: by password, by a one-time link, by a provider of identities."""

from typing import Annotated, Protocol

from fastapi import APIRouter, Depends, Form, Request, Response

from assay.auth import commands, queries
from assay.auth.commands import Opened
from assay.auth.model import How, Kind, Purpose, TooSoon
from assay.bootstrap import Context
from assay.errors import Forbidden, Permanent, Transient
from assay.web.addresses import address_of
from assay.web.csrf import check_genuine, cookie_of, drop_cookie, put_cookie, read_csrf
from assay.web.guard import Who, everybody, principal
from assay.web.pages.drawing import page
from assay.web.problems import Refused
from assay.web.provider import Provider
from assay.web.reading import Reading

_Text = Annotated[str, Form()]

_JOURNEY_SECONDS = 900
_LONGEST = 2_000


def router(ctx: Context, read: Reading) -> APIRouter:
    """The pages. They are for everybody, since nobody is known yet."""
    routes = APIRouter(include_in_schema=False, dependencies=[Depends(everybody), Depends(read_csrf)])
    provider = None if ctx.settings.oidc is None else Provider(ctx.settings.oidc, ctx.http, ctx.clock)
    title = None if ctx.settings.oidc is None else ctx.settings.oidc.title

    def form(request: Request, goes_to: str, wrong: str = "", status: int = 200) -> Response:
        return page(request, "form.html", status, goes_to=goes_to, wrong=wrong, provider=title)

    @routes.get("/sign-in")
    def show(request: Request) -> Response:
        goes_to = place(request.query_params.get("next", ""))
        return form(request, goes_to) if principal(request).role is None else _to(goes_to)

    @routes.post("/sign-in")
    def enter(
        request: Request,
        name: _Text = "",
        password: _Text = "",
        goes_to: Annotated[str, Form(alias="next")] = "",
    ) -> Response:
        check_genuine(request, ctx.settings.web_public_url)
        goes_to = place(goes_to)
        try:
            opened = commands.sign_in_by_password(ctx, name, password, address_of(request), _agent(request))
        except TooSoon as error:
            answer = form(request, goes_to, str(error), 429)
            answer.headers["Retry-After"] = str(error.seconds)
            return answer
        except Forbidden as error:
            return form(request, goes_to, f"Sorry, {error}.", 403)
        return _entered(ctx, request, opened, goes_to)

    _add_out(routes, ctx)
    _add_links(routes, ctx, read)
    _add_password(routes, ctx)
    if provider is not None:
        _add_provider(routes, ctx, provider, form)
    return routes


def _add_out(routes: APIRouter, ctx: Context) -> None:
    @routes.post("/sign-out")
    def leave(request: Request, who: Who) -> Response:
        session = cookie_of(request, "session")
        if session is not None:
            commands.sign_out(ctx, who, session, address_of(request))
        return _left(request)

    @routes.post("/sign-out/everywhere")
    def leave_everywhere(request: Request, who: Who) -> Response:
        if who.kind is Kind.PERSON and who.id is not None:
            with ctx.db.transaction() as conn:
                act = commands.Act(conn, ctx.sign_in, ctx.clock(), who, address_of(request))
                commands.sign_out_everywhere(act, who.id)
        return _left(request)


def _add_links(routes: APIRouter, ctx: Context, read: Reading) -> None:
    @routes.get("/sign-in/link")
    def follow(request: Request, token: str = "") -> Response:
        """A link to sign in is used up by a visit, one to choose a password by the choice."""
        if "prefetch" in request.headers.get("sec-purpose", request.headers.get("purpose", "")):
            raise Refused(403, "this link works once, and not for a look ahead")
        found = read(lambda conn: queries.find_link(conn, token, ctx.clock()))
        if found is not None and found[1] is Purpose.PASSWORD:
            return _choose(ctx, request, found[0], token)
        return _by_link(ctx, request, token, None)

    @routes.post("/sign-in/link")
    def chosen(request: Request, token: _Text = "", password: _Text = "", again: _Text = "") -> Response:
        check_genuine(request, ctx.settings.web_public_url)
        found = read(lambda conn: queries.find_link(conn, token, ctx.clock()))
        if found is not None and password != again:
            return _choose(ctx, request, found[0], token, "These two are not the same.")
        try:
            return _by_link(ctx, request, token, password)
        except Permanent as error:
            return _choose(ctx, request, "" if found is None else found[0], token, f"Sorry, {error}.")


def _choose(ctx: Context, request: Request, name: str, token: str, wrong: str = "") -> Response:
    shortest, status = ctx.sign_in.shortest_password, 400 if wrong else 200
    return page(request, "choose.html", status, name=name, token=token, wrong=wrong, shortest=shortest)


def _by_link(ctx: Context, request: Request, token: str, password: str | None) -> Response:
    try:
        opened = commands.sign_in_by_link(ctx, token, address_of(request), _agent(request), password)
    except Forbidden:
        return page(request, "spent.html", 403)
    return _entered(ctx, request, opened, "/")


def _add_password(routes: APIRouter, ctx: Context) -> None:
    def change(request: Request, name: str, wrong: str = "", status: int = 200) -> Response:
        shortest = ctx.sign_in.shortest_password
        return page(request, "change.html", status, name=name, wrong=wrong, shortest=shortest)

    @routes.get("/sign-in/password")
    def show(request: Request, who: Who) -> Response:
        return (
            change(request, who.name) if who.kind is Kind.PERSON else _to("/sign-in?next=/sign-in/password")
        )

    @routes.post("/sign-in/password")
    def changed(
        request: Request, who: Who, before: _Text = "", password: _Text = "", again: _Text = ""
    ) -> Response:
        session = cookie_of(request, "session")
        if who.kind is not Kind.PERSON or session is None:
            return _to("/sign-in?next=/sign-in/password")
        if password != again:
            return change(request, who.name, "The new ones are not the same.", 400)
        try:
            commands.change_password(ctx, who, session, before, password, address_of(request))
        except TooSoon as error:
            return change(request, who.name, str(error), 429)
        except (Forbidden, Permanent) as error:
            return change(request, who.name, f"Sorry, {error}.", 400)
        return _to("/")


def _add_provider(routes: APIRouter, ctx: Context, provider: Provider, form: "_Form") -> None:
    def returns_to(request: Request) -> str:
        ours = ctx.settings.web_public_url or str(request.base_url)
        return f"{ours.rstrip('/')}/sign-in/provider/callback"

    @routes.get("/sign-in/provider")
    def begin(request: Request) -> Response:
        goes_to = place(request.query_params.get("next", ""))
        try:
            journey = commands.begin_journey(ctx, goes_to)
            answer = _to(provider.asks_at(journey, returns_to(request)))
        except (Transient, Permanent) as error:
            return form(request, goes_to, f"Sorry, the provider cannot be asked: {error}.", 503)
        put_cookie(request, answer, "journey", journey.state, _JOURNEY_SECONDS)
        return answer

    @routes.get("/sign-in/provider/callback")
    def end(request: Request, state: str = "", code: str = "", error: str = "") -> Response:
        goes_to, address = "/", address_of(request)
        try:
            with commands.noted(ctx, How.PROVIDER, address):
                journey = _journey(ctx, request, state)
                goes_to = journey.goes_to
                admission = provider.vouched(_code(code, error), journey, returns_to(request))
            opened = commands.sign_in_by_provider(ctx, admission, address, _agent(request))
        except Forbidden as refused:
            return form(request, goes_to, f"Sorry, {refused}.", 403)
        except (Transient, Permanent) as trouble:
            return form(request, goes_to, f"Sorry, the provider cannot be asked: {trouble}.", 503)
        answer = _entered(ctx, request, opened, goes_to)
        drop_cookie(request, answer, "journey")
        return answer


def _journey(ctx: Context, request: Request, state: str) -> commands.Journey:
    """The journey that this answer ends. It must come to the browser that asked, or it signs in somebody else."""
    if not state or state != cookie_of(request, "journey"):
        raise Forbidden("this sign-in was not begun in this browser: begin again")
    return commands.end_journey(ctx, state)


def _code(code: str, error: str) -> str:
    if error or not code:
        raise Forbidden(f"the provider says: {error[:100] or 'nothing'}")
    return code


class _Form(Protocol):
    """What draws the sign-in form."""

    def __call__(self, request: Request, goes_to: str, wrong: str = "", status: int = 200) -> Response: ...


def place(wanted: str) -> str:
    """A path of ours to go to; the overview for anything else, which may be somebody's trap."""
    is_ours = wanted.startswith("/") and not wanted.startswith(("//", "/sign-in", "/sign-out"))
    is_plain = wanted.isascii() and wanted.isprintable() and "\\" not in wanted and len(wanted) <= _LONGEST
    return wanted if is_ours and is_plain else "/"


def _entered(ctx: Context, request: Request, opened: Opened, goes_to: str) -> Response:
    answer = _to(goes_to)
    put_cookie(request, answer, "session", opened.secret, int(ctx.sign_in.longest.total_seconds()))
    drop_cookie(request, answer, "visit")
    return answer


def _left(request: Request) -> Response:
    answer = _to("/sign-in")
    drop_cookie(request, answer, "session")
    # What the browser keeps of pages is gone with the session.
    answer.headers["Clear-Site-Data"] = '"cache"'
    return answer


def _to(where: str) -> Response:
    return Response(status_code=303, headers={"Location": where, "Cache-Control": "no-store"})


def _agent(request: Request) -> str | None:
    return request.headers.get("user-agent")
