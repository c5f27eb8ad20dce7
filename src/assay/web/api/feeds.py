"""`/v1/feeds/sources`: where prose comes from, set up, changed, tried and fetched while everything runs."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Path, Request, Response

from assay.auth.commands import Act
from assay.bootstrap import Context
from assay.errors import Permanent
from assay.kit.db import Connection
from assay.pipelines.feeds.commands import sources as commands
from assay.pipelines.feeds.commands.sources import Changes, Draft, Trial
from assay.pipelines.feeds.model.entries import Counts
from assay.pipelines.feeds.model.sources import USUAL_INTERVAL, Kind, Source
from assay.pipelines.feeds.queries import sources as queries
from assay.pipelines.feeds.queries.sources import Holding
from assay.web.answers import as_json, responses, schema_of, shaped
from assay.web.bodies import AnyBody, described
from assay.web.changing import Change, changing
from assay.web.guard import Admin, Analyst, Viewer
from assay.web.problems import Refused
from assay.web.reading import Reading

_EXCERPT = 500
_BAD = 50
_SOURCE = {
    "name": "vendor-news",
    "kind": "feed",
    "address": "https://vendor.example.org/security/feed.atom",
    "options": {"max_pages": 1},
    "interval_seconds": 3600,
    "is_enabled": True,
    "secrets": ["Authorization"],
    "health": "well",
    "failures": 0,
    "last_error": None,
    "next_at": "2026-03-01T11:13:00Z",
    "last_tried_at": "2026-03-01T10:13:00Z",
    "last_good_at": "2026-03-01T10:13:00Z",
    "created_by": "ann",
    "created_at": "2026-02-01T09:00:00Z",
    "changed_at": "2026-02-01T09:00:00Z",
    "entries": {"pending": 2, "processing": 0, "completed": 118, "failed": 0, "total": 120},
    "quarantined": 1,
    "bad": [
        {
            "place": "https://vendor.example.org/security/feed.atom entry 4",
            "reason": "empty",
            "detail": "it has neither a title nor a text",
            "seen_at": "2026-03-01T10:13:00Z",
        }
    ],
}
_DRAFT = {
    "name": "vendor-news",
    "kind": "feed",
    "address": "https://vendor.example.org/security/feed.atom",
    "options": {},
    "interval_seconds": 3600,
    "enabled": True,
    "secrets": {"Authorization": "Bearer ..."},
}
_TRIAL = {
    "found": 20,
    "entries": [
        {
            "key": "tag:vendor.example.org,2026:7",
            "title": "CVE-2026-12345 in Anvil",
            "address": "https://vendor.example.org/security/7",
            "media_type": "text/html",
            "published_at": "2026-02-28T12:00:00Z",
            "bytes": 1841,
            "excerpt": "<p>Anvil before 2.4 ...",
        }
    ],
    "bad": [],
    "error": None,
}
_ABOUT = (
    "`kind` is feed (RSS, Atom, JSON Feed), json (a REST interface), page (a web page) or files (a directory of the "
    "server or an archive); docs/how-to/feeds.md has the options of each. `secrets` are header fields, or parameters "
    "of the query written `?name`; they are sealed and never shown again."
)

_Name = Annotated[str, Path(max_length=200, description="The source's name.")]


class BadRow(msgspec.Struct, frozen=True):
    """An entry of the last fetch that was set aside."""

    place: str
    reason: str
    detail: str
    seen_at: datetime


class SourceRow(msgspec.Struct, frozen=True):
    """A source. `health` is new, well, failing, persistently_failing or disabled; `secrets` are names only."""

    name: str
    kind: str
    address: str
    options: Mapping[str, Any]
    interval_seconds: int
    is_enabled: bool
    secrets: tuple[str, ...]
    health: str
    failures: int
    last_error: str | None
    next_at: datetime
    last_tried_at: datetime | None
    last_good_at: datetime | None
    created_by: str
    created_at: datetime
    changed_at: datetime
    entries: dict[str, int]
    quarantined: int
    bad: list[BadRow]


class Sources(msgspec.Struct, frozen=True):
    """Every source."""

    sources: list[SourceRow]


class TriedEntry(msgspec.Struct, frozen=True):
    """An entry that a source gave; `excerpt` is the beginning of its text as received."""

    key: str
    title: str | None
    address: str | None
    media_type: str
    published_at: datetime | None
    bytes: int
    excerpt: str


class TriedBad(msgspec.Struct, frozen=True):
    """An entry that cannot be used, and why."""

    place: str
    reason: str
    detail: str


class TrialRow(msgspec.Struct, frozen=True):
    """What a source gave when it was tried: how much, the first entries, and why it failed."""

    found: int
    entries: list[TriedEntry]
    bad: list[TriedBad]
    error: str | None


class Wanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A source as somebody wants it."""

    name: str
    kind: Kind
    address: str
    options: dict[str, Any] = {}
    interval_seconds: int = int(USUAL_INTERVAL.total_seconds())
    enabled: bool = True
    secrets: dict[str, str] = {}

    def draft(self) -> Draft:
        """The same as the room takes it."""
        return Draft(
            name=self.name,
            kind=self.kind,
            address=self.address,
            options=self.options,
            interval=_interval(self.interval_seconds),
            is_enabled=self.enabled,
            secrets=self.secrets,
        )


class Changed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What somebody wants to be otherwise. `secrets` are merged; a null takes one away."""

    address: str | None = None
    options: dict[str, Any] | None = None
    interval_seconds: int | None = None
    enabled: bool | None = None
    secrets: dict[str, str | None] | None = None


def router(ctx: Context, read: Reading) -> APIRouter:
    """The surface. Viewers look, analysts run and test what is set up, administrators set it up."""
    routes = APIRouter(tags=["Feeds"])
    _add_lists(routes, read)
    _add_changes(routes, ctx)
    _add_doing(routes, ctx)
    return routes


def acting(ctx: Context, change: Change) -> Act:
    """The doing of whoever sends a request."""
    return Act(change.conn, ctx.sign_in, ctx.clock(), change.who, change.address)


def _interval(seconds: int) -> timedelta:
    # More is no length of time any more; the room says which are allowed.
    return timedelta(seconds=max(-1, min(seconds, 10_000_000)))


def _add_lists(routes: APIRouter, read: Reading) -> None:
    @routes.get(
        "/v1/feeds/sources",
        summary="Every source of entries: how it does, and what it has given",
        responses=shaped("The sources by name.", Sources, {"sources": [_SOURCE]}),
    )
    def every(_: Viewer) -> Response:
        def found(conn: Connection) -> Sources:
            held = queries.count_each(conn)
            return Sources([_shown(conn, one, held.get(one.id)) for one in queries.list_sources(conn)])

        return as_json(read(found))

    @routes.get(
        "/v1/feeds/sources/{name}",
        summary="One source of entries",
        responses=shaped("The source.", SourceRow, _SOURCE, 404),
    )
    def one(_: Viewer, name: _Name) -> Response:
        return as_json(read(lambda conn: _one(conn, name)))


def _add_changes(routes: APIRouter, ctx: Context) -> None:
    @routes.post(
        "/v1/feeds/sources",
        status_code=201,
        summary="Set up a source of entries; it is fetched within a minute",
        description=_ABOUT,
        responses=shaped("The source.", SourceRow, _SOURCE, 400, 409, status=201),
        openapi_extra=described(_DRAFT, schema_of(Wanted)),
    )
    def add(request: Request, who: Admin, body: AnyBody) -> Response:
        draft = body.read(Wanted).draft()
        with changing(ctx, request, who) as change:
            commands.add_source(ctx, acting(ctx, change), draft)
            return as_json(_one(change.conn, draft.name), 201)

    @routes.patch(
        "/v1/feeds/sources/{name}",
        summary="Change a source of entries; what is not sent stays as it is",
        description="Secrets stay with the server that they were given for: with an address of another one they are "
        "given again, or taken away by null.",
        responses=shaped("The source as it is now.", SourceRow, _SOURCE, 400, 404),
        openapi_extra=described({"interval_seconds": 600, "secrets": {"X-Old": None}}, schema_of(Changed)),
    )
    def change_it(request: Request, who: Admin, name: _Name, body: AnyBody) -> Response:
        wanted = body.read(Changed)
        changes = Changes(
            address=wanted.address,
            options=wanted.options,
            interval=None if wanted.interval_seconds is None else _interval(wanted.interval_seconds),
            is_enabled=wanted.enabled,
            secrets=wanted.secrets,
        )
        with changing(ctx, request, who) as change:
            commands.change_source(ctx, acting(ctx, change), name, changes)
            return as_json(_one(change.conn, name))

    @routes.delete(
        "/v1/feeds/sources/{name}",
        summary="Remove a source of entries; what it gave stays",
        responses=responses("What was removed.", {"removed": "vendor-news"}, 404),
    )
    def remove(request: Request, who: Admin, name: _Name) -> Response:
        with changing(ctx, request, who) as change:
            commands.remove_source(acting(ctx, change), name)
        return as_json({"removed": name})


def _add_doing(routes: APIRouter, ctx: Context) -> None:
    @routes.post(
        "/v1/feeds/sources/{name}/run",
        status_code=202,
        summary="Have a source of entries fetched by the workers now",
        responses=responses(
            "The job, which may have waited already. What the source's server does wrong is told with the source.",
            {"job": 12, "url": "/v1/jobs/12"},
            404,
            409,
            status=202,
        ),
    )
    def run(request: Request, who: Analyst, name: _Name) -> Response:
        with changing(ctx, request, who) as change:
            job = commands.run_source(acting(ctx, change), name)
        return as_json({"job": job, "url": f"/v1/jobs/{job}"}, 202)

    @routes.post(
        "/v1/feeds/sources/{name}/test",
        summary="Fetch a source once and show the first entries; nothing is kept",
        responses=shaped("What it gave.", TrialRow, _TRIAL, 404),
    )
    def attempt(_: Analyst, name: _Name) -> Response:
        return as_json(_tried(commands.try_source(ctx, name)))

    @routes.post(
        "/v1/feeds/test",
        summary="Fetch a source that is not set up yet, and show the first entries; nothing is kept",
        description=_ABOUT,
        responses=shaped("What it would give.", TrialRow, _TRIAL, 400),
        openapi_extra=described(_DRAFT, schema_of(Wanted)),
    )
    def attempt_draft(_: Admin, body: AnyBody) -> Response:
        try:
            return as_json(_tried(commands.try_draft(ctx, body.read(Wanted).draft())))
        except Permanent as error:
            raise Refused(400, str(error)) from error


def _one(conn: Connection, name: str) -> SourceRow:
    source = queries.get_source(conn, name)
    return _shown(conn, source, queries.count_each(conn).get(source.id))


def _shown(conn: Connection, source: Source, held: Holding | None) -> SourceRow:
    bad = queries.list_bad(conn, source.id, _BAD) if held is not None and held.bad else []
    return SourceRow(
        name=source.name,
        kind=source.kind.value,
        address=source.address,
        options=source.options,
        interval_seconds=source.interval_seconds,
        is_enabled=source.is_enabled,
        secrets=source.secret_names,
        health=source.health.value,
        failures=source.failures,
        last_error=source.last_error,
        next_at=source.next_at,
        last_tried_at=source.last_tried_at,
        last_good_at=source.last_good_at,
        created_by=source.created_by,
        created_at=source.created_at,
        changed_at=source.changed_at,
        entries=(held or Holding(Counts())).entries.told(),
        quarantined=0 if held is None else held.bad,
        bad=[BadRow(one.place, one.reason, one.detail, one.seen_at) for one in bad],
    )


def _tried(trial: Trial) -> TrialRow:
    return TrialRow(
        found=trial.found,
        entries=[
            TriedEntry(
                one.key,
                one.title,
                one.address,
                one.media_type,
                one.published_at,
                len(one.raw),
                one.raw[:_EXCERPT].decode(errors="replace"),
            )
            for one in trial.entries
        ],
        bad=[TriedBad(one.place, one.reason, one.detail) for one in trial.bad],
        error=trial.error,
    )
