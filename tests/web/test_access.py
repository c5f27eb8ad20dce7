"""Nobody gets further than their role: every route with every role; people, tokens and the audit log by HTTP."""

import csv
import io
import re
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Protocol
from uuid import UUID

import pytest
from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from starlette.routing import Mount

from assay.auth import queries
from assay.auth.model import Role, Scope
from assay.bootstrap import Context
from assay.web.app import create_app
from web_service import Service, running_service, token_of

# What may be sent by POST and changes nothing.
QUESTIONS = {
    "/v1/scans",
    "/v1/query",
    "/v1/querybatch",
    "/-/npm/v1/security/advisories/bulk",
    "/-/npm/v1/security/audits/quick",
    "/-/npm/v1/security/audits",
}
# Signing in and out is for those who are not known yet, and for everybody who is.
SIGNING = {"/sign-in", "/sign-in/link", "/sign-in/password", "/sign-out", "/sign-out/everywhere"}
# What everybody may see, whatever the settings.
OPEN = SIGNING | {
    "/health",
    "/health/live",
    "/health/ready",
    "/sign-in/provider",
    "/sign-in/provider/callback",
}
FILES = {"/static"}


def inner(app: object) -> FastAPI:
    while not isinstance(app, FastAPI):
        app = app._app
    return app


class Route(Protocol):
    """What FastAPI keeps of a route, in a router of the application or in the application itself."""

    path: str
    methods: set[str]
    dependant: Dependant


def declared(route: Route) -> list[Role | None]:
    """The roles that a route's dependencies ask for, whatever stands between."""
    found, todo = [], [route.dependant]
    while todo:
        one = todo.pop()
        if hasattr(one.call, "role"):
            found.append(one.call.role)
        todo += one.dependencies
    return found


def routes_of(app: object) -> Iterator[Route]:
    """Every route, those of routers within the application too."""
    todo = list(inner(app).routes)
    while todo:
        one = todo.pop()
        if hasattr(one, "dependant"):
            yield one
        elif isinstance(one, Mount):
            assert one.path in FILES, f"{one.path} is mounted and declares nothing"
        else:
            inside = getattr(one, "effective_candidates", None)
            assert inside is not None, f"{one!r} declares nothing"
            todo += inside()


def role_of(route: Route) -> Role | None:
    roles = declared(route)
    assert roles, (
        f"{route.path} declares nothing: let it depend on Viewer, Analyst, Admin, reader or everybody"
    )
    return max((role for role in roles if role), key=list(Role).index, default=None)


@pytest.fixture(scope="module")
def closed(synced: Context) -> Iterator[Service]:
    """A service that reads nothing to the public."""
    settings = synced.settings.model_copy(update={"public_reading": False})
    with running_service(replace(synced, settings=settings)) as found:
        yield found


@pytest.mark.parametrize("is_public", [True, False])
def test_every_route_declares_whom_it_lets_in(synced, is_public):
    settings = synced.settings.model_copy(update={"public_reading": is_public})
    app = create_app(replace(synced, settings=settings))
    seen = 0
    for route in routes_of(app):
        seen += 1
        role = role_of(route)
        if route.methods - {"GET", "HEAD"} and route.path not in SIGNING | QUESTIONS:
            assert role is not None, route.path
            assert role.includes(Role.ANALYST), route.path
        if route.path.startswith("/admin"):
            assert role is Role.ADMIN, route.path
        if role is None and not is_public:
            assert route.path in OPEN
    assert seen > 30


def asked(service: Service, route: Route, method: str, token: str | None) -> int:
    path = re.sub(r"\{[^}]*:uuid\}", str(UUID(int=999999)), route.path)
    path = re.sub(r"\{[^}]*\}", "999999", path)
    headers = {"Content_Type": "application/json", "Authorization": f"Bearer {token}" if token else ""}
    return service.ask(method, path, b"[" if method not in {"GET", "HEAD"} else None, **headers).status


def test_nobody_gets_further_than_their_role(closed):
    """A body that is no JSON ends each request after the guard, so that nothing is changed on the way."""
    tokens = {role: token_of(closed.ctx, role) for role in Role}
    wrong = []
    for route in routes_of(create_app(closed.ctx)):
        if route.path in OPEN:
            continue
        needed = role_of(route)
        for role in (None, *Role):
            for method in route.methods:
                status = asked(closed, route, method, tokens.get(role))
                refused = 401 if role is None else 403
                may = needed is None or (role is not None and role.includes(needed))
                if (status == refused) is may:
                    wrong.append((method, route.path, role, status))
    assert wrong == []


@pytest.mark.parametrize(
    ("scope", "may"),
    [
        (Scope.READ, {"/v1/me", "/v1/query", "/osv/ecosystems.txt", "/metrics", "/v1/worker/health"}),
        (Scope.SCAN, {"/v1/query", "/osv/ecosystems.txt"}),
        (Scope.METRICS, {"/metrics"}),
        (Scope.CHANGE, {"/api/jobs/sync"}),
        (Scope.ADMIN, {"/admin/people", "/admin/audit"}),
    ],
)
def test_a_token_with_scopes_enters_those_parts_only(closed, scope, may):
    token = token_of(closed.ctx, Role.ADMIN, scope)
    asked = {
        "/v1/me": "GET",
        "/v1/query": "POST",
        "/osv/ecosystems.txt": "GET",
        "/metrics": "GET",
        "/v1/worker/health": "GET",
        "/api/jobs/sync": "POST",
        "/admin/people": "GET",
        "/admin/audit": "GET",
    }
    let_in = {
        path
        for path, method in asked.items()
        if closed.ask(method, path, None, Authorization=f"Bearer {token}").status != 403
    }
    assert let_in == may


def test_scanners_are_answered_without_credentials_unless_the_settings_say_otherwise(service, closed):
    query = {"package": {"purl": "pkg:npm/edge@1.2.3"}}
    assert service.post("/v1/query", query).json["vulns"]
    # npm sends the token of its registry, whatever that is.
    assert service.post("/v1/query", query, Authorization="Bearer npm_abc").status == 200
    refused = closed.post("/v1/query", query)
    assert (refused.status, refused.json["code"]) == (401, 16)
    token = token_of(closed.ctx, Role.VIEWER, Scope.SCAN)
    assert closed.post("/v1/query", query, Authorization=f"Bearer {token}").json["vulns"]
    basic = b64encode(f"any:{token}".encode()).decode()
    assert closed.post("/v1/query", query, Authorization=f"Basic {basic}").json["vulns"]
    for wrong in ("Bearer assay_x", "Bearer", "Basic !", "Bearer " + "x" * 5000, "Digest x"):
        assert closed.post("/v1/query", query, Authorization=wrong).status == 401


@pytest.fixture
def admin(make_context) -> Iterator[Service]:
    with running_service(make_context(), Role.ADMIN) as found:
        yield found


def test_people_by_http(admin):
    made = admin.post("/admin/people", {"name": "ada", "role": "admin"})
    assert made.status == 201
    assert "/sign-in/link?token=" in made.json["link"]
    key = made.json["person"]["id"]
    assert admin.post("/admin/people", {"name": "ADA", "role": "viewer"}).status == 409
    assert admin.post("/admin/people", {"name": "a b", "role": "viewer"}).status == 422
    assert admin.post("/admin/people", {"name": "eve", "role": "king"}).status == 400
    last = admin.ask("PATCH", f"/admin/people/{key}", b'{"role": "viewer"}')
    assert (last.status, "only admin" in last.json["detail"]) == (409, True)
    assert admin.ask("PATCH", f"/admin/people/{key}", b'{"is_disabled": true}').status == 409
    other = admin.post("/admin/people", {"name": "eve", "role": "admin"}).json["person"]["id"]
    assert admin.ask("PATCH", f"/admin/people/{key}", b'{"role": "analyst"}').json["role"] == "analyst"
    assert admin.ask("PATCH", f"/admin/people/{key}", b'{"is_disabled": true}').json["is_disabled"] is True
    assert admin.post(f"/admin/people/{key}/link", {}).status == 409
    assert admin.post(f"/admin/people/{other}/link", {}).status == 201
    assert admin.ask("DELETE", f"/admin/people/{other}/sessions").json == {"ended": 0}
    assert admin.get("/admin/people/99").status == 404
    assert [one["name"] for one in admin.get("/admin/people").json["people"]] == ["ada", "eve"]
    actions = [one["action"] for one in admin.get("/admin/audit?action=people.").json["rows"]]
    made = ["people.link", "people.add"]
    assert actions == ["people.link", "people.disable", "people.role", *made, *made]


def test_tokens_by_http(admin):
    soon = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    made = admin.post(
        "/admin/tokens", {"name": "ci", "role": "viewer", "scopes": ["scan"], "expires_at": soon}
    )
    assert made.status == 201
    secret, key = made.json["secret"], made.json["token"]["id"]
    assert secret.startswith("assay_")
    assert admin.post("/admin/tokens", {"name": "CI", "role": "viewer"}).status == 409
    past = {"name": "old", "role": "viewer", "expires_at": "2020-01-01T00:00:00Z"}
    assert admin.post("/admin/tokens", past).status == 422
    assert admin.post("/admin/tokens", past | {"expires_at": "2099-01-01T00:00:00"}).status == 422
    [token] = [one for one in admin.get("/admin/tokens").json["tokens"] if one["name"] == "ci"]
    assert (token["used_at"], token["scopes"], "secret" in str(token)) == (None, ["scan"], False)
    assert admin.get("/metrics", Authorization=f"Bearer {secret}").status == 403
    [used] = [one for one in admin.get("/admin/tokens").json["tokens"] if one["name"] == "ci"]
    assert used["used_from"] == "127.0.0.1"
    assert admin.ask("DELETE", f"/admin/tokens/{key}").json["revoked_by"]
    assert admin.ask("DELETE", f"/admin/tokens/{key}").status == 200
    refused = admin.get("/v1/me", Authorization=f"Bearer {secret}")
    assert refused.status == 401
    assert "invalid_token" in refused.headers["www-authenticate"]
    with admin.ctx.db.transaction() as conn:
        [row, *_] = queries.list_records(conn, queries.AuditFilter(action="tokens.revoke"))
    assert (row.subject, row.kind.value, row.address) == ("ci", "token", "127.0.0.1")


def test_a_use_is_written_once_a_minute(admin):
    admin.get("/v1/me")
    with admin.ctx.db.transaction() as conn:
        assert conn.execute("SELECT used_at IS NOT NULL FROM auth.tokens").fetchone() == (True,)
        # However long the next requests take, it was within the last minute.
        conn.execute("UPDATE auth.tokens SET used_at = now() + interval '1 hour'")
    with admin.ctx.db.transaction() as conn:
        [xmin] = conn.execute("SELECT xmin::text FROM auth.tokens").fetchone()
    admin.get("/v1/me")
    with admin.ctx.db.transaction() as conn:
        assert conn.execute("SELECT xmin::text FROM auth.tokens").fetchone() == (xmin,)


def test_a_token_gives_away_no_more_than_it_has(admin):
    token = token_of(admin.ctx, Role.ADMIN, Scope.ADMIN)
    asked = {"name": "more", "role": "admin"}
    header = {"Authorization": f"Bearer {token}"}
    assert admin.post("/admin/tokens", asked, **header).status == 403
    assert admin.post("/admin/tokens", asked | {"scopes": ["read"]}, **header).status == 403
    assert admin.post("/admin/tokens", asked | {"scopes": ["admin"]}, **header).status == 201
    assert admin.post("/v1/me/tokens", asked).status == 403


def test_the_audit_log_by_pages_and_as_a_file(admin):
    for number in range(5):
        admin.post("/admin/people", {"name": f"-p{number}", "role": "viewer"})
    first = admin.get("/admin/audit?limit=3").json
    rest = admin.get(f"/admin/audit?limit=100&before={first['next_before']}").json
    ids = [row["id"] for row in first["rows"] + rest["rows"]]
    assert ids == sorted(ids, reverse=True)
    assert rest["next_before"] is None
    assert admin.get("/admin/audit?since=2999-01-01T00:00:00Z").json["rows"] == []
    assert "did you mean 'name'?" in admin.get("/admin/audit?nmae=nobody").json["detail"]
    assert "a day such as" in admin.get("/admin/audit?since=2026").json["detail"]
    assert len(admin.get("/admin/audit?subject=-p1").json["rows"]) == 2
    exported = admin.get("/admin/audit/export").json
    assert [row["id"] for row in exported] == ids
    table = admin.get("/admin/audit/export?format=csv")
    assert "attachment" in table.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(table.body.decode())))
    assert [int(row["id"]) for row in rows] == ids
    # A spreadsheet would calculate what begins with a minus.
    assert {"'-p1", "'-p4"} <= {row["subject"] for row in rows}
    assert admin.get("/admin/audit/export?subject=nothing").json == []
    assert admin.get("/admin/audit/export?format=xml").status == 400


def test_too_much_at_once_is_refused(make_context):
    # One request a minute, and one at once.
    with running_service(make_context(web_rate=1)) as service:
        answers = [service.get("/health/live") for _ in range(2)]
        assert [one.status for one in answers] == [200, 429]
        assert int(answers[-1].headers["retry-after"]) >= 1
        assert answers[-1].headers["content-security-policy"]
    with running_service(make_context(web_upload_mb=1)) as service:
        for path, kind, length in (
            ("/v1/query", "application/json", (1 << 20) + 1),
            ("/sign-in", "application/x-www-form-urlencoded", 1 << 40),
        ):
            connection = service.connect()
            connection.putrequest("POST", path)
            connection.putheader("Content-Type", kind)
            connection.putheader("Content-Length", str(length))
            connection.endheaders()
            assert connection.getresponse().status == 413
            connection.close()
        # Without a length it is counted; what is one byte too large is read to its end.
        connection = service.connect()
        connection.putrequest("POST", "/sign-in")
        connection.putheader("Content-Type", "application/x-www-form-urlencoded")
        connection.putheader("Transfer-Encoding", "chunked")
        connection.endheaders()
        connection.send(b"100001\r\n" + b"x" * ((1 << 20) + 1) + b"\r\n")
        assert connection.getresponse().status == 413
        connection.close()
