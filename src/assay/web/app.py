"""The ASGI application: every surface on one Context."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import Depends, FastAPI
from starlette.types import ASGIApp

from assay import __version__
from assay.auth.model import PUBLIC, Role
from assay.bootstrap import Context
from assay.web import problems
from assay.web.access import AccessLog
from assay.web.api import (
    alerts,
    bucket,
    health,
    jobs,
    metrics,
    npm,
    operations,
    osv,
    schedules,
    vulnerabilities,
    vulnerability,
)
from assay.web.editions import Editions
from assay.web.exports import Exports
from assay.web.guard import Identify, Known, needs
from assay.web.packing import Packed
from assay.web.parameters import only_known
from assay.web.reading import Reading
from assay.web.standing_in import StandIn

# More would only wait for each other: Python runs one thread at a time, and PostgreSQL one query a core.
CONNECTIONS = 8

_DESCRIPTION = """Security advisories, merged from several sources, for clients that speak OSV's API, npm's audit or
OSV's bucket tree, and what an operator's programs ask. Only a program on the machine that serves may change something,
and only where the settings allow it."""


def create_app(ctx: Context, identify: Identify = lambda _: PUBLIC) -> ASGIApp:
    """The application, which learns from `identify` who sends a request.

    Its connections are opened when they are needed and closed when it stops.
    """
    read = Reading(ctx.db.url, CONNECTIONS)

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
        # Its page loads scripts from elsewhere; the other one is enough, and both name what they load.
        redoc_url=None,
    )
    problems.add_to(app)
    app.include_router(osv.router(read))
    app.include_router(npm.router(read))
    app.include_router(bucket.router(read, Exports(ctx, read)))
    app.include_router(health.router(ctx, read))
    app.include_router(metrics.router(ctx, read))
    app.include_router(operations.router(ctx, read))
    advisories = Depends(needs(Role.VIEWER))
    editions = Editions(read)
    for reading in (vulnerabilities.router(ctx, read, editions), vulnerability.router(ctx, editions)):
        app.include_router(reading, dependencies=[advisories, Depends(only_known)])
    for routes in (
        vulnerability.judging(ctx),
        jobs.router(ctx, read),
        schedules.router(ctx, read),
        alerts.router(ctx, read),
    ):
        app.include_router(routes, dependencies=[Depends(only_known)])
    return AccessLog(Known(Packed(app), identify))
