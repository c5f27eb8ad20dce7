"""Configuration archives: uploading them, walking through them, and every question to them as a page."""

from fastapi import APIRouter

from assay.bootstrap import Context
from assay.web.pages.configs import browsing, changes, effective, inventory, judging, routing, uploads
from assay.web.pages.configs.archive import Archive
from assay.web.reading import Reading
from assay.web.rendering import Rendering


def router(ctx: Context, read: Reading, show: Rendering) -> APIRouter:
    """The pages below `/configs`."""
    routes = APIRouter(prefix="/configs", include_in_schema=False)
    archive = Archive(read, show)
    uploads.add_to(routes, ctx, read, show)
    for room in (browsing, effective, inventory, routing, changes, judging):
        room.add_to(routes, archive)
    return routes
