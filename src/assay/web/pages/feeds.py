"""Sources of entries with their health, set up and changed; feeds_entries has what they gave."""

from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import urlencode

import msgspec
from fastapi import APIRouter, Form, Path, Query, Request, Response

from assay.bootstrap import Context
from assay.domain.lengths import read_length, typed_length
from assay.domain.wording import counted
from assay.errors import Permanent
from assay.jobs.ledger import list_runs
from assay.kit.db import Connection
from assay.pipelines.feeds.commands import sources as commands
from assay.pipelines.feeds.commands.sources import Changes, Draft
from assay.pipelines.feeds.model import ROOM
from assay.pipelines.feeds.model.entries import Counts
from assay.pipelines.feeds.model.sources import Kind, Source
from assay.pipelines.feeds.queries import entries as entry_queries
from assay.pipelines.feeds.queries import sources as queries
from assay.pipelines.feeds.queries.sources import Holding
from assay.web.api.feeds import acting
from assay.web.changing import Change
from assay.web.guard import Admin, Analyst, Viewer
from assay.web.pages.acting import Back, act
from assay.web.reading import Reading
from assay.web.rendering import Rendering

_RUNS = 10
_BAD = 50

_Name = Annotated[str, Path(max_length=200)]
_Text = Annotated[str, Query(max_length=2_000)]
_Typed = Annotated[str, Form(max_length=20_000)]
_KINDS = {
    Kind.FEED: "RSS, Atom or JSON Feed",
    Kind.JSON: "REST interface that answers JSON",
    Kind.PAGE: "Web page",
    Kind.FILES: "Files of this server, or an archive",
}


def router(ctx: Context, read: Reading, show: Rendering) -> APIRouter:
    """The pages below `/feeds`."""
    routes = APIRouter(prefix="/feeds", include_in_schema=False)
    _add_changes(routes, ctx)
    _add_more_changes(routes, ctx)
    _add_doing(routes, ctx)

    @routes.get("")
    def every(request: Request, who: Viewer) -> Response:
        found, held, counts = read(
            lambda conn: (
                queries.list_sources(conn),
                queries.count_each(conn),
                entry_queries.count_entries(conn),
            )
        )
        return show(
            request,
            "feeds/list.html",
            who,
            sources=found,
            held=held,
            nothing_held=Holding(Counts()),
            counts=counts.told(),
        )

    @routes.get("/new")
    def new(
        request: Request,
        who: Admin,
        name: _Text = "",
        kind: Kind = Kind.FEED,
        address: _Text = "",
        interval: Annotated[str, Query(max_length=20)] = "1h",
        options: Annotated[str, Query(max_length=20_000)] = "",
    ) -> Response:
        typed = {"name": name, "kind": kind, "address": address, "interval": interval, "options": options}
        return show(request, "feeds/new.html", who, typed=typed, kinds=_KINDS)

    @routes.get("/sources/{name}")
    def one(request: Request, who: Viewer, name: _Name) -> Response:
        return show(request, "feeds/source.html", who, kinds=_KINDS, **read(lambda conn: _one(conn, name)))

    return routes


def _one(conn: Connection, name: str) -> Mapping[str, Any]:
    source = queries.get_source(conn, name)
    return {
        "source": source,
        "options": _pretty(source.options),
        "interval": typed_length(source.interval_seconds),
        "held": queries.count_each(conn).get(source.id, Holding(Counts())),
        "bad": queries.list_bad(conn, source.id, _BAD),
        "runs": list_runs(conn, ROOM, name, limit=_RUNS),
    }


def _pretty(options: Mapping[str, Any]) -> str:
    return msgspec.json.format(msgspec.json.encode(options), indent=2).decode() if options else ""


def _add_changes(routes: APIRouter, ctx: Context) -> None:
    @routes.post("/sources")
    def add(
        request: Request,
        who: Admin,
        back: Back,
        *,
        name: _Typed = "",
        kind: Annotated[Kind, Form()] = Kind.FEED,
        address: _Typed = "",
        interval: _Typed = "1h",
        options: _Typed = "",
        headers: _Typed = "",
    ) -> Response:
        def deed(change: Change) -> str:
            draft = Draft(
                name=name.strip(),
                kind=kind,
                address=address.strip(),
                options=_options(options),
                interval=_interval(interval),
                secrets=_headers(headers),
            )
            commands.add_source(ctx, acting(ctx, change), draft)
            return f"{draft.name} is set up and will be fetched within a minute"

        # What was typed comes back, but for the secrets: an address of a page is kept in many places.
        typed = {
            "name": name,
            "kind": kind.value,
            "address": address,
            "interval": interval,
            "options": options,
        }
        short = {said: value for said, value in typed.items() if len(value) <= 2_000}
        return act(ctx, request, who, back, deed, failed=f"/feeds/new?{urlencode(short)}")


def _add_more_changes(routes: APIRouter, ctx: Context) -> None:
    @routes.post("/sources/{name}/change")
    def change_it(
        request: Request,
        who: Admin,
        name: _Name,
        back: Back,
        *,
        address: _Typed = "",
        interval: _Typed = "",
        options: _Typed = "",
        headers: _Typed = "",
        without: Annotated[list[str] | None, Form()] = None,
    ) -> Response:
        def deed(change: Change) -> str:
            secrets: dict[str, str | None] = {**dict.fromkeys(without or ()), **_headers(headers)}
            changes = Changes(
                address=address,
                options=_options(options),
                interval=_interval(interval),
                secrets=secrets or None,
            )
            commands.change_source(ctx, acting(ctx, change), name, changes)
            return f"{name} is changed"

        return act(ctx, request, who, back, deed)

    @routes.post("/sources/{name}/remove")
    def remove(request: Request, who: Admin, name: _Name, back: Back) -> Response:
        def deed(change: Change) -> str:
            commands.remove_source(acting(ctx, change), name)
            return f"{name} is removed; its entries stay"

        return act(ctx, request, who, back, deed)


def _add_doing(routes: APIRouter, ctx: Context) -> None:
    @routes.post("/sources/{name}/run")
    def run(request: Request, who: Analyst, name: _Name, back: Back) -> Response:
        def deed(change: Change) -> str:
            return f"job {commands.run_source(acting(ctx, change), name)} fetches {name}"

        return act(ctx, request, who, back, deed)

    @routes.post("/sources/{name}/test")
    def attempt(request: Request, who: Analyst, name: _Name, back: Back) -> Response:
        # Before the transaction: a server may take its time.
        trial = commands.try_source(ctx, name)

        def deed(_change: Change) -> str:
            if trial.error is not None:
                raise Permanent(trial.error)
            found = f"{counted(trial.found, 'entry', 'entries')} found, nothing kept"
            titles = "; ".join(one.title or one.key for one in trial.entries[:3])
            return f"{found}: {titles}" if titles else found

        return act(ctx, request, who, back, deed)

    @routes.post("/sources/{name}/enable")
    def enable(request: Request, who: Admin, name: _Name, back: Back) -> Response:
        return act(ctx, request, who, back, lambda change: _switched(ctx, change, name, is_enabled=True))

    @routes.post("/sources/{name}/disable")
    def disable(request: Request, who: Admin, name: _Name, back: Back) -> Response:
        return act(ctx, request, who, back, lambda change: _switched(ctx, change, name, is_enabled=False))


def _switched(ctx: Context, change: Change, name: str, *, is_enabled: bool) -> str:
    made: Source = commands.change_source(ctx, acting(ctx, change), name, Changes(is_enabled=is_enabled))
    return f"{made.name} is fetched again" if is_enabled else f"{made.name} rests until it is enabled"


def _interval(typed: str) -> Any:
    try:
        return read_length(typed)
    except ValueError as error:
        raise Permanent(str(error)) from error


def _options(typed: str) -> dict[str, Any]:
    if not typed.strip():
        return {}
    try:
        return msgspec.json.decode(typed, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError) as error:
        raise Permanent(f"the options are no JSON object: {error}") from error


def _headers(typed: str) -> dict[str, str]:
    """Header fields, one a line, as `Name: value`."""
    found: dict[str, str] = {}
    for line in typed.splitlines():
        if line.strip():
            name, separator, value = line.partition(":")
            if not separator:
                raise Permanent("a header field is a line such as `Authorization: Bearer ...`")
            found[name.strip()] = value.strip()
    return found
