"""Query parameters: those that a route does not have are refused, because a filter that is misspelt filters nothing."""

from datetime import UTC, datetime
from difflib import get_close_matches
from functools import lru_cache
from threading import Lock
from typing import Annotated

from fastapi import FastAPI, Request
from pydantic import AfterValidator, BeforeValidator

from assay.web.problems import Refused

_ONE_AT_A_TIME = Lock()


def _no_number(said: object) -> object:
    try:
        float(said)  # type: ignore[arg-type]  # what is no text or number is for Pydantic to judge
    except (TypeError, ValueError):
        return said
    raise ValueError("say a day such as 2026-03-01, or a moment as in RFC 3339")


def _with_zone(moment: datetime) -> datetime:
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


# Pydantic takes numbers for seconds since 1970, also those of somebody who means the year 2024 or the day 20240301.
Moment = Annotated[datetime, BeforeValidator(_no_number), AfterValidator(_with_zone)]
"""A moment as a URL writes it; without a zone it is in UTC."""


def only_known(request: Request) -> None:
    """A dependency that raises Refused for query parameters that the route does not have, naming them."""
    if not request.query_params:
        return
    with _ONE_AT_A_TIME:
        # FastAPI makes its description when it is first asked for it, and cannot make it twice at once.
        known = _known(request.app, request.scope["route"].path_format, request.method.lower())
    unknown = [name for name in request.query_params if name not in known]
    if unknown:
        near = get_close_matches(unknown[0], known, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(sorted(known)) or 'none'}"
        raise Refused(400, f"no query parameter is called {', '.join(map(repr, unknown))}; {hint}")


@lru_cache(maxsize=256)
def _known(app: FastAPI, path: str, method: str) -> frozenset[str]:
    described = app.openapi()["paths"].get(path, {}).get(method, {})
    return frozenset(one["name"] for one in described.get("parameters", ()) if one["in"] == "query")
