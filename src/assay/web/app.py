"""The ASGI application: every surface on one Context."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.types import ASGIApp

from assay import __version__
from assay.auth.model import PUBLIC
from assay.bootstrap import Context
from assay.web import problems
from assay.web.access import AccessLog
from assay.web.api import bucket, configs, health, metrics, npm, operations, osv
from assay.web.exports import Exports
from assay.web.guard import Identify, Known
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
    app.include_router(configs.router(ctx, read))
    return AccessLog(Known(app, identify))
