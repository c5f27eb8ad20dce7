"""`/openapi.json`, and `/docs`: the same as a page without scripts."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import JSONResponse

from assay.web.pages.drawing import page


class Operation(NamedTuple):
    """One thing that can be asked. `takes` are its parameters; a star follows those that must be given."""

    method: str
    path: str
    summary: str
    takes: str


def router(app: FastAPI) -> APIRouter:
    """The description of an application, as programs and as people read it."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/openapi.json")
    def described() -> Response:
        return JSONResponse(app.openapi())

    @routes.get("/docs")
    def documented(request: Request) -> Response:
        groups: dict[str, list[Operation]] = {}
        for group, operation in _operations(app.openapi()):
            groups.setdefault(group, []).append(operation)
        return page(request, "interface.html", title=app.title, about=app.description, groups=groups)

    return routes


def _operations(described: Mapping[str, Any]) -> Iterator[tuple[str, Operation]]:
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            given = operation.get("parameters", ())
            takes = ", ".join(f"{one['name']}{'*' if one.get('required') else ''}" for one in given)
            group = next(iter(operation.get("tags", ())), "Other")
            yield group, Operation(method.upper(), path, operation.get("summary", ""), takes)
