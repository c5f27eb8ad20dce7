"""The ASGI application: every surface on one Context."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import Depends, FastAPI
from starlette.types import ASGIApp

from assay import __version__
from assay.bootstrap import Context
from assay.web import describing, pages, problems
from assay.web.access import AccessLog
from assay.web.api import (
    access,
    admin_processing,
    alerts,
    bucket,
    configs,
    decisions,
    feeds,
    feeds_entries,
    health,
    jobs,
    language,
    metrics,
    npm,
    operations,
    osv,
    packages,
    products,
    quarantine,
    review,
    schedules,
    settings,
    sources,
    vulnerabilities,
    vulnerability,
)
from assay.web.editions import Editions
from assay.web.exports import Exports
from assay.web.guard import Identify, Known, reader
from assay.web.identity import Identity
from assay.web.limits import Limiter
from assay.web.packing import Packed
from assay.web.pages import signing_in
from assay.web.parameters import only_known
from assay.web.reading import Reading
from assay.web.shield import Shield
from assay.web.standing_in import StandIn

# More would only wait for each other: Python runs one thread at a time, and PostgreSQL one query a core.
CONNECTIONS = 8

_DESCRIPTION = """Security advisories, merged from several sources, for clients that speak OSV's API, npm's audit or
OSV's bucket tree, and what people and programs ask and change. Show a token as `Authorization: Bearer assay_...`."""


def create_app(ctx: Context, identify: Identify | None = None) -> ASGIApp:
    """The application, which learns from `identify` who sends a request; by sessions and tokens unless that is said.

    Its connections are opened when they are needed and closed when it stops.
    """
    read = Reading(ctx.db.url, CONNECTIONS)
    limiter = Limiter(ctx.settings.web_rate)
    app = _assembled(ctx, read)
    pages.add_to(app, ctx, read)
    known = Known(Packed(app), identify or Identity(ctx, read, limiter))
    return AccessLog(Shield(known, limiter, ctx.settings.web_upload_mb << 20))


def description(ctx: Context) -> dict[str, Any]:
    """The interface in OpenAPI's words, as `/openapi.json` answers them."""
    return _assembled(ctx, Reading(ctx.db.url, CONNECTIONS)).openapi()


def _assembled(ctx: Context, read: Reading) -> FastAPI:
    advisories = [Depends(reader(ctx.settings))]

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        with StandIn(ctx):
            yield
        read.close()

    app = FastAPI(
        title="Assay",
        version=__version__,
        description=_DESCRIPTION,
        lifespan=lifespan,
        # FastAPI's own pages load scripts from elsewhere; describing.py has one that loads none.
        openapi_url=None,
    )
    problems.add_to(app)
    app.include_router(osv.router(read), dependencies=advisories)
    app.include_router(npm.router(read), dependencies=advisories)
    app.include_router(bucket.router(read, Exports(ctx, read)), dependencies=advisories)
    app.include_router(health.router(ctx, read))
    app.include_router(metrics.router(ctx, read))
    app.include_router(operations.router(ctx, read))
    app.include_router(signing_in.router(ctx, read))
    app.include_router(access.router(ctx, read))
    _add_api(app, ctx, read)
    app.include_router(describing.router(app), dependencies=advisories)
    return app


def _add_api(app: FastAPI, ctx: Context, read: Reading) -> None:
    """What people and programs read and change under `/v1`."""
    editions = Editions(read)
    strictly = Depends(only_known)
    public = Depends(reader(ctx.settings))
    for routes in (
        vulnerabilities.router(ctx, read, editions),
        vulnerability.router(ctx, editions),
        packages.router(read, ctx),
    ):
        app.include_router(routes, dependencies=[public, strictly])
    for routes in (
        vulnerability.judging(ctx),
        decisions.router(ctx, read),
        sources.router(ctx, read),
        quarantine.router(ctx, read),
        packages.keeping_router(ctx, read),
        settings.router(ctx, read),
        language.router(ctx, read),
        jobs.router(ctx, read),
        schedules.router(ctx, read),
        review.router(ctx, read),
        admin_processing.router(ctx, read),
        alerts.router(ctx, read),
        configs.router(ctx, read),
        products.router(ctx, read),
        feeds.router(ctx, read),
        feeds_entries.router(ctx, read),
    ):
        app.include_router(routes, dependencies=[strictly])
