"""Who may do what: people, tokens and the audit log for admins, and what everybody may ask about themselves."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.responses import StreamingResponse

from assay.auth import commands, queries
from assay.auth.commands import Act
from assay.auth.model import AuditRow, Kind, Principal, Purpose, Role, Scope
from assay.auth.queries import AuditFilter
from assay.bootstrap import Context
from assay.domain.numbers import LARGEST_ID
from assay.errors import Permanent
from assay.web.addresses import address_of
from assay.web.answers import as_file, refusals
from assay.web.api.audit_files import as_csv, as_json_array
from assay.web.bodies import AnyBody, described
from assay.web.guard import Admin, Analyst, Viewer
from assay.web.parameters import Moment, only_known
from assay.web.problems import Refused
from assay.web.reading import Reading

_Id = Annotated[int, Path(ge=1, le=LARGEST_ID)]
_PAGE = 1_000
# Rows of an export that one statement reads.
_SLICE = 1_000


class NewPerson(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A person to be made; a link lets them choose a password."""

    name: str
    role: Role


class PersonChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be changed about a person; what is left out stays."""

    role: Role | None = None
    is_disabled: bool | None = None


class NewToken(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A token to be made."""

    name: str
    role: Role
    scopes: list[Scope] = []
    expires_at: datetime | None = None


def _asked_for(
    name: str | None = None,
    kind: Kind | None = None,
    action: Annotated[
        str | None, Query(description="`people.add`, or `people.` for all that begin so")
    ] = None,
    subject: str | None = None,
    address: str | None = None,
    since: Moment | None = None,
    until: Moment | None = None,
) -> AuditFilter:
    return AuditFilter(name, kind, action, subject, address, since, until)


_Filter = Annotated[AuditFilter, Depends(_asked_for)]


def router(ctx: Context, read: Reading) -> APIRouter:
    """The surface."""
    routes = APIRouter(tags=["Access"], dependencies=[Depends(only_known)], responses=refusals(401, 403))
    _add_me(routes, ctx, read)
    _add_people(routes, ctx, read)
    _add_tokens(routes, ctx, read)
    _add_audit(routes, read)
    return routes


@contextmanager
def _acting(ctx: Context, request: Request, who: Principal) -> Iterator[Act]:
    """Changes in one transaction; what will not do is told as such."""
    try:
        with ctx.db.transaction() as conn:
            yield Act(conn, ctx.sign_in, ctx.clock(), who, address_of(request))
    except Permanent as error:
        raise Refused(422, str(error)) from error


def _add_me(routes: APIRouter, ctx: Context, read: Reading) -> None:
    @routes.get("/v1/me", summary="Who you are, and what you may do")
    def me(who: Viewer) -> Response:
        return _json({"kind": who.kind, "name": who.name, "role": who.role, "scopes": sorted(who.scopes)})

    @routes.get("/v1/me/sessions", summary="Where you are signed in")
    def my_sessions(who: Viewer) -> Response:
        return _json({"sessions": read(lambda conn: queries.list_sessions(conn, _person(who), ctx.clock()))})

    @routes.get("/v1/me/tokens", summary="Your tokens that are good")
    def my_tokens(who: Viewer) -> Response:
        mine = _person(who)
        return _json({"tokens": read(lambda conn: queries.list_tokens(conn, ctx.clock(), person_id=mine))})

    @routes.post(
        "/v1/me/tokens",
        status_code=201,
        summary="A new token of yours; it is told this once",
        openapi_extra=described({"name": "laptop", "role": "viewer", "scopes": ["read"]}),
    )
    def add_mine(request: Request, who: Analyst, body: AnyBody) -> Response:
        wanted = body.read(NewToken)
        if who.kind is not Kind.PERSON:
            raise Refused(403, "a token cannot make another one of its owner: sign in")
        return _made(ctx, request, who, wanted, _person(who))

    @routes.delete("/v1/me/tokens/{token_id}", summary="Revoke a token of yours")
    def revoke_mine(request: Request, who: Analyst, token_id: _Id) -> Response:
        with _acting(ctx, request, who) as act:
            return _json(commands.revoke_token(act, token_id, person_id=_person(who)))


def _add_people(routes: APIRouter, ctx: Context, read: Reading) -> None:
    def link(request: Request, act: Act, person_id: int) -> str:
        secret = commands.make_link(act, person_id, Purpose.PASSWORD)
        ours = ctx.settings.web_public_url or str(request.base_url)
        return f"{ours.rstrip('/')}/sign-in/link?token={secret}"

    @routes.get("/admin/people", summary="Everybody who has a name here")
    def people(_who: Admin) -> Response:
        return _json({"people": read(lambda conn: queries.list_people(conn, ctx.clock()))})

    @routes.post(
        "/admin/people",
        status_code=201,
        summary="A new person, and the link with which they choose a password",
        openapi_extra=described({"name": "ada", "role": "analyst"}),
    )
    def add(request: Request, who: Admin, body: AnyBody) -> Response:
        wanted = body.read(NewPerson)
        with _acting(ctx, request, who) as act:
            made = commands.add_person(act, wanted.name, wanted.role)
            return _json({"person": made, "link": link(request, act, made.id)}, 201)

    @routes.get("/admin/people/{person_id}", summary="One person")
    def person(_who: Admin, person_id: _Id) -> Response:
        return _json(read(lambda conn: queries.get_person(conn, person_id, ctx.clock())))

    @routes.patch(
        "/admin/people/{person_id}",
        summary="Change a person's role, or let them sign in no more",
        openapi_extra=described({"role": "viewer"}),
    )
    def change(request: Request, who: Admin, person_id: _Id, body: AnyBody) -> Response:
        wanted = body.read(PersonChange)
        with _acting(ctx, request, who) as act:
            if wanted.role is not None:
                commands.change_role(act, person_id, wanted.role)
            if wanted.is_disabled is not None:
                (commands.disable if wanted.is_disabled else commands.enable)(act, person_id)
            return _json(queries.get_person(act.conn, person_id, act.now))

    @routes.post(
        "/admin/people/{person_id}/link", status_code=201, summary="A link to choose a password with"
    )
    def reset(request: Request, who: Admin, person_id: _Id) -> Response:
        with _acting(ctx, request, who) as act:
            return _json({"link": link(request, act, person_id)}, 201)

    @routes.delete("/admin/people/{person_id}/sessions", summary="Sign a person out everywhere")
    def sign_out(request: Request, who: Admin, person_id: _Id) -> Response:
        with _acting(ctx, request, who) as act:
            return _json({"ended": commands.sign_out_everywhere(act, person_id)})


def _add_tokens(routes: APIRouter, ctx: Context, read: Reading) -> None:
    @routes.get(
        "/admin/tokens", summary="Tokens of everybody; `every` shows those that are no longer good too"
    )
    def tokens(_who: Admin, every: bool = False) -> Response:
        return _json({"tokens": read(lambda conn: queries.list_tokens(conn, ctx.clock(), every=every))})

    @routes.post(
        "/admin/tokens",
        status_code=201,
        summary="A new token for a program; it is told this once",
        openapi_extra=described({"name": "prometheus", "role": "viewer", "scopes": ["metrics"]}),
    )
    def add(request: Request, who: Admin, body: AnyBody) -> Response:
        return _made(ctx, request, who, body.read(NewToken), None)

    @routes.delete("/admin/tokens/{token_id}", summary="Revoke a token")
    def revoke(request: Request, who: Admin, token_id: _Id) -> Response:
        with _acting(ctx, request, who) as act:
            return _json(commands.revoke_token(act, token_id))


def _made(
    ctx: Context, request: Request, who: Principal, wanted: NewToken, person_id: int | None
) -> Response:
    if wanted.expires_at is not None and wanted.expires_at.tzinfo is None:
        raise Refused(422, "say in which zone `expires_at` is, such as 2027-01-01T00:00:00Z")
    with _acting(ctx, request, who) as act:
        made = commands.add_token(
            act,
            wanted.name,
            wanted.role,
            scopes=wanted.scopes,
            person_id=person_id,
            expires_at=wanted.expires_at,
        )
        return _json({"token": made.token, "secret": made.secret}, 201)


def _add_audit(routes: APIRouter, read: Reading) -> None:
    @routes.get("/admin/audit", summary="What people and tokens changed, newest first")
    def audit(
        _who: Admin,
        wanted: _Filter,
        before: Annotated[int | None, Query(ge=1, le=LARGEST_ID)] = None,
        limit: Annotated[int, Query(ge=1, le=_PAGE)] = 50,
    ) -> Response:
        rows = read(lambda conn: queries.list_records(conn, wanted, before=before, limit=limit + 1))
        more = rows[limit - 1].id if len(rows) > limit else None
        return _json({"rows": rows[:limit], "next_before": more})

    @routes.get(
        "/admin/audit/export",
        summary="The same as one file, all of it",
        response_class=StreamingResponse,
        responses=as_file("One change a line.", "application/json", "text/csv"),
    )
    def export(_who: Admin, wanted: _Filter, format: Literal["csv", "json"] = "json") -> Response:  # noqa: A002 - the parameter's name in the URL
        kind = "text/csv; charset=utf-8" if format == "csv" else "application/json"
        headers = {
            "Content-Disposition": f'attachment; filename="audit.{format}"',
            "Cache-Control": "no-store",
        }
        rows = _every(read, wanted)
        pieces = as_csv(rows) if format == "csv" else as_json_array(rows)
        return StreamingResponse(pieces, headers=headers, media_type=kind)


def _every(read: Reading, wanted: AuditFilter) -> Iterator[AuditRow]:
    """All rows, some at a time, none of which holds a connection while a slow client takes them."""
    before: int | None = None
    while True:
        rows = read(lambda conn, at=before: queries.list_records(conn, wanted, before=at, limit=_SLICE))  # type: ignore[misc]
        if not rows:
            return
        yield from rows
        before = rows[-1].id


def _person(who: Principal) -> int:
    if who.person_id is None:
        raise Refused(404, f"{who.name} belongs to nobody: a program's token has no tokens or sessions")
    return who.person_id


def _json(told: Any, status: int = 200) -> Response:
    return Response(msgspec.json.encode(told), status, {"Cache-Control": "no-store"}, "application/json")
