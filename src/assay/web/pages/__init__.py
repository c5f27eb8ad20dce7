"""The pages: server-rendered, one module per room; htmx makes the live parts live, and nothing needs a script."""

from fastapi import FastAPI

from assay.bootstrap import Context
from assay.web.assets import Assets
from assay.web.pages import (
    alerts,
    audit,
    failing,
    feeds,
    feeds_entries,
    jobs,
    language,
    overview,
    products,
    review,
    saved,
    schedules,
    settings,
    sources,
    vulnerabilities,
    vulnerability,
)
from assay.web.reading import Reading
from assay.web.rendering import Rendering


def add_to(app: FastAPI, ctx: Context, read: Reading) -> None:
    """Put the pages and their files into the application; every handler of errors has to be there already."""
    show = Rendering(ctx.clock)
    for room in (
        overview,
        sources,
        review,
        feeds,
        feeds_entries,
        jobs,
        schedules,
        alerts,
        audit,
        products,
        language,
        settings,
        saved,
        vulnerabilities,
        vulnerability,
    ):
        app.include_router(room.router(ctx, read, show))
    app.mount("/static", Assets(), name="static")
    failing.add_to(app, show)
