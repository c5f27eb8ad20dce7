"""Pages that stand by themselves: signing in, and the description of the interface."""

from typing import Any

from fastapi import Request, Response
from jinja2 import Environment, PackageLoader, StrictUndefined

from assay.web.csrf import begin_visit, csrf_token, visit

_PAGES = Environment(
    loader=PackageLoader("assay.web", "templates/signing_in"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def page(request: Request, template: str, status: int = 200, **values: Any) -> Response:
    """A page with its form's token. Nothing keeps it: it may be about whoever is signed in."""
    visit(request)
    html = _PAGES.get_template(template).render(csrf_token=csrf_token(request), **values)
    answer = Response(html, status, {"Cache-Control": "no-store"}, "text/html; charset=utf-8")
    begin_visit(request, answer)
    return answer
