"""The pages: server-rendered, one module per room; htmx makes the live parts live, and nothing needs a script."""

from typing import Annotated

from fastapi import FastAPI, HTTPException, Path, Response

from assay.bootstrap import Context
from assay.web.pages import alerts, failing, jobs, schedules, sources
from assay.web.reading import Reading
from assay.web.rendering import Rendering, asset_file

_KINDS = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
_FILES = frozenset({"assay.css", "assay.js", "htmx.js", "mark.svg"})
# An address names its content, so what is behind it never changes.
_FOREVER = {"Cache-Control": "public, max-age=31536000, immutable"}


def add_to(app: FastAPI, ctx: Context, read: Reading) -> None:
    """Put the pages and their files into the application; every handler of errors has to be there already."""
    show = Rendering(ctx.clock)
    for room in (sources, jobs, schedules, alerts):
        app.include_router(room.router(ctx, read, show))

    @app.get("/static/{name}", include_in_schema=False)
    async def static(name: Annotated[str, Path(max_length=100)]) -> Response:
        if name not in _FILES:
            raise HTTPException(404)
        return Response(asset_file(name).read_bytes(), 200, _FOREVER, _KINDS[name.rpartition(".")[2]])

    failing.add_to(app, show)
