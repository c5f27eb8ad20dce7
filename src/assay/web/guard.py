"""What a route asks of whoever calls it. Every route declares one of these; a test walks them all.

`Viewer`, `Analyst`, `Admin`     a role; the parameter is the principal
`everybody`                      nothing: `/health/live`, signing in, the pages' own files
`reader(settings)`               nothing where advisories are public, else the role viewer
`scraper(settings)`              for `/metrics`: a token, or a program on this machine where the settings say so
"""

from collections.abc import Callable, Iterable
from typing import Annotated, Any

from fastapi import Depends, Request
from starlette.types import ASGIApp, Receive, Scope, Send

from assay.auth.model import PUBLIC, Principal, Role
from assay.auth.model import Scope as Part
from assay.settings import Settings
from assay.web.addresses import is_of_this_machine
from assay.web.csrf import SAFE, read_csrf
from assay.web.problems import Refused

Identify = Callable[[Request], Principal]
"""Who sends a request. Raises Refused for proofs that are wrong, rather than absent."""


class Known:
    """Wraps the application: every request carries who sends it, before anything else looks at it."""

    def __init__(self, app: ASGIApp, identify: Identify) -> None:
        self._app = app
        self._identify = identify

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope.setdefault("state", {})["identify"] = self._identify
        await self._app(scope, receive, send)


def principal(request: Request) -> Principal:
    """Who sends this request, asked once. It may ask the database, so it runs in a thread."""
    if not hasattr(request.state, "principal"):
        identify: Identify = getattr(request.state, "identify", lambda _: PUBLIC)
        request.state.principal = identify(request)
    known: Principal = request.state.principal
    return known


def _who(request: Request, _form: Annotated[None, Depends(read_csrf)]) -> Principal:
    return principal(request)


Who = Annotated[Principal, Depends(_who)]


def needs(role: Role) -> Callable[..., Principal]:
    """A dependency that lets only those pass who have the role; it gives who that is."""

    def check(request: Request, who: Who) -> Principal:
        return _admitted(who, role, [_part(request)])

    return _declared(check, role)


def reader(settings: Settings) -> Callable[..., None]:
    """A dependency of what scanners and package managers ask."""
    if settings.public_reading:
        return everybody

    def check(who: Who) -> None:
        _admitted(who, Role.VIEWER, [Part.SCAN, Part.READ])

    return _declared(check, Role.VIEWER)


def scraper(settings: Settings) -> Callable[..., None]:
    """A dependency of `/metrics`."""

    def check(request: Request) -> None:
        if settings.metrics_from_loopback and is_of_this_machine(request):
            return
        _admitted(principal(request), Role.VIEWER, [Part.METRICS, Part.READ])

    return _declared(check, Role.VIEWER)


def everybody() -> None:
    """A dependency that lets everybody pass."""


everybody.role = None  # type: ignore[attr-defined] # read by the test that walks every route


def _declared(check: Callable[..., Any], role: Role) -> Callable[..., Any]:
    check.role = role  # type: ignore[attr-defined] # read by the test that walks every route
    return check


def _admitted(who: Principal, role: Role, parts: Iterable[Part]) -> Principal:
    if who.role is None:
        raise Refused(
            401,
            "sign in, or send a token as `Authorization: Bearer ...`",
            {"WWW-Authenticate": 'Bearer realm="assay"'},
        )
    if not who.may(role):
        raise Refused(403, f"this needs the role {role}; {who.name} has {who.role}")
    if who.scopes and not who.scopes & frozenset(parts):
        raise Refused(403, f"this needs the scope {next(iter(parts))}; {who.name} has {_listed(who)}")
    return who


def _listed(who: Principal) -> str:
    return ", ".join(sorted(who.scopes))


def _part(request: Request) -> Part:
    path = request.url.path
    if path == "/admin" or path.startswith("/admin/"):
        return Part.ADMIN
    if path == "/health":
        return Part.METRICS
    return Part.READ if request.method in SAFE else Part.CHANGE


Viewer = Annotated[Principal, Depends(needs(Role.VIEWER))]
Analyst = Annotated[Principal, Depends(needs(Role.ANALYST))]
Admin = Annotated[Principal, Depends(needs(Role.ADMIN))]
