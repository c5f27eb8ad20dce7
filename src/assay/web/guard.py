"""What a route asks of whoever calls it."""

from collections.abc import Callable
from typing import Annotated

from fastapi import Depends, Request
from starlette.types import ASGIApp, Receive, Scope, Send

from assay.auth.model import PUBLIC, Principal, Role
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
    """Who sends this request, asked once."""
    if not hasattr(request.state, "principal"):
        identify: Identify = getattr(request.state, "identify", lambda _: PUBLIC)
        request.state.principal = identify(request)
    known: Principal = request.state.principal
    return known


Who = Annotated[Principal, Depends(principal)]


def needs(role: Role) -> Callable[[Principal], Principal]:
    """A dependency that lets only those pass who have the role; it gives who that is."""

    def check(who: Who) -> Principal:
        if who.role is None:
            raise Refused(401, "sign in, or send a token as `Authorization: Bearer ...`")
        if not who.may(role):
            raise Refused(403, f"this needs the role {role}; {who.name} has {who.role}")
        return who

    check.role = role  # type: ignore[attr-defined] # read by the test that walks every route
    return check


Viewer = Annotated[Principal, Depends(needs(Role.VIEWER))]
Analyst = Annotated[Principal, Depends(needs(Role.ANALYST))]
Admin = Annotated[Principal, Depends(needs(Role.ADMIN))]
