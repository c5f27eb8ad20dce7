"""Signing in by OpenID Connect, at a real provider: a program on authlib that runs beside the test."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from assay.auth import queries
from assay.auth.commands import Act, add_person, disable
from assay.auth.model import Role
from assay.auth.queries import AuditFilter
from assay.errors import Permanent
from assay.kit.clock import utc_now
from assay.kit.http import Http
from assay.settings import OidcSettings
from assay.web import provider
from assay.web.provider import Provider
from browser import Browser
from identity_provider import CLIENT, SECRET
from web_service import TESTER, Service, running_service

ADA = {"sub": "7", "preferred_username": "ada", "email": "ada@example.org", "email_verified": True}


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    program = Path(__file__).parents[1] / "identity_provider.py"
    process = subprocess.Popen([sys.executable, program], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait(30)
        process.stdout.close()


@pytest.fixture
def service(make_context, issuer) -> Iterator[Service]:
    oidc = {
        "issuer": issuer,
        "client_id": CLIENT,
        "client_secret": SECRET,
        "title": "Example",
        "role_claim": "groups",
        "roles": {"security": "analyst", "bosses": "admin"},
        "allowed_domains": ["example.org"],
    }
    with running_service(make_context(oidc=oidc)) as found:
        yield found


@pytest.fixture
def browser(service) -> Iterator[Browser]:
    with Browser(service.url) as found:
        yield found


def be(issuer: str, claims: dict[str, Any], **more: Any) -> None:
    """Who the provider takes everybody for."""
    httpx2.post(f"{issuer}/person", json={"claims": claims, **more}, trust_env=False).raise_for_status()


def returned(browser: Browser) -> str:
    """The address with which the provider sends the browser back."""
    asked = browser.get("/sign-in/provider?next=/vulnerabilities")
    assert asked.status_code == 303, asked.text
    at_provider = httpx2.get(asked.headers["location"], follow_redirects=False, trust_env=False)
    assert at_provider.status_code == 302, at_provider.text
    return at_provider.headers["location"]


def test_somebody_new_comes_in_with_the_providers_role(service, browser, issuer):
    be(issuer, ADA | {"groups": ["security", "other"]})
    assert "Sign in with Example" in browser.get("/sign-in").text
    answer = browser.get(returned(browser))
    assert (answer.status_code, answer.headers["location"]) == (303, "/vulnerabilities")
    assert browser.get("/v1/me").json() == {"kind": "person", "name": "ada", "role": "analyst", "scopes": []}
    be(issuer, ADA | {"groups": ["bosses"], "preferred_username": "renamed"})
    browser.get(returned(browser))
    assert (browser.get("/v1/me").json()["name"], browser.get("/v1/me").json()["role"]) == ("ada", "admin")
    with service.ctx.db.transaction() as conn:
        actions = [row.action for row in queries.list_records(conn, AuditFilter())]
    assert actions == ["auth.sign_in", "people.role", "auth.sign_in", "people.add"]


def test_what_the_id_token_leaves_out_is_asked_for(browser, issuer):
    be(issuer, ADA, told={"groups": ["security"]})
    assert browser.get(returned(browser)).status_code == 303
    be(issuer, ADA, told={"groups": ["security"], "sub": "8"})
    assert "two people" in browser.get(returned(browser)).text


def test_new_keys_are_fetched(browser, issuer, monkeypatch):
    monkeypatch.setattr(provider, "_PAUSE_SECONDS", -1.0)
    be(issuer, ADA | {"groups": ["security"]})
    assert browser.get(returned(browser)).status_code == 303
    httpx2.post(f"{issuer}/new-key", trust_env=False).raise_for_status()
    assert browser.get(returned(browser)).status_code == 303


@pytest.mark.parametrize(
    ("claims", "more", "said"),
    [
        ({"groups": ["other"]}, {}, "nothing that the provider says"),
        ({"groups": ["security"], "email": "ada@example.com"}, {}, "only addresses of example.org"),
        ({"groups": ["security"], "email_verified": False}, {}, "does not vouch"),
        ({"groups": ["security"]}, {"lies": {"nonce": "x"}}, "cannot be trusted"),
        ({"groups": ["security"]}, {"lies": {"aud": ["other"]}}, "cannot be trusted"),
        ({"groups": ["security"]}, {"lies": {"aud": [CLIENT, "other"]}}, "somebody else"),
        ({"groups": ["security"]}, {"lies": {"iss": "https://example.org"}}, "cannot be trusted"),
        ({"groups": ["security"]}, {"lies": {"exp": 1_600_000_000}}, "cannot be trusted"),
        ({"groups": ["security"]}, {"signature": "other"}, "cannot be trusted"),
        ({"groups": ["security"]}, {"signature": "none"}, "cannot be trusted"),
        ({"groups": ["security"]}, {"denies": True}, "access_denied"),
    ],
)
def test_whom_the_provider_does_not_vouch_for_stays_out(service, browser, issuer, claims, more, said):
    be(issuer, ADA | claims, **more)
    answer = browser.get(returned(browser))
    assert answer.status_code == 403
    assert said in answer.text
    assert browser.get("/v1/me").status_code == 303
    with service.ctx.db.transaction() as conn:
        [row] = queries.list_records(conn, AuditFilter())
        assert queries.list_people(conn, service.ctx.clock()) == []
    assert (row.action, row.detail["how"]) == ("auth.sign_in_failed", "provider")


def test_an_answer_counts_once_and_in_the_browser_that_asked(service, browser, issuer):
    be(issuer, ADA | {"groups": ["security"]})
    address = returned(browser)
    with Browser(service.url) as victim:
        assert victim.get(address).status_code == 403
        # Nor may another journey's answer be put in its place.
        victim.get("/sign-in/provider")
        assert victim.get(address).status_code == 403
    assert browser.get(address).status_code == 303
    assert browser.get(address).status_code == 403
    assert browser.get("/sign-in/provider/callback").status_code == 403


def test_a_name_is_no_proof(service, browser, issuer):
    be(issuer, ADA | {"groups": ["bosses"]})
    with service.ctx.db.transaction() as conn:
        add_person(Act(conn, service.ctx.sign_in, service.ctx.clock(), TESTER), "Ada", Role.VIEWER)
    answer = browser.get(returned(browser))
    assert answer.status_code == 403
    assert "somebody else is called ada" in answer.text


def test_who_is_disabled_stays_out(service, browser, issuer):
    be(issuer, ADA | {"groups": ["security"]})
    browser.get(returned(browser))
    with service.ctx.db.transaction() as conn:
        disable(Act(conn, service.ctx.sign_in, service.ctx.clock(), TESTER), "ada")
    assert browser.get("/v1/me").status_code == 303
    assert "disabled" in browser.get(returned(browser)).text


def test_a_provider_that_is_away_is_told(make_context):
    oidc = {"issuer": "http://127.0.0.1:9", "client_id": CLIENT, "usual_role": "viewer"}
    with (
        running_service(make_context(oidc=oidc, http_timeout=1.0)) as service,
        Browser(service.url) as browser,
    ):
        answer = browser.get("/sign-in/provider")
        assert answer.status_code == 503
        assert "cannot be asked" in answer.text


@pytest.mark.parametrize("address", ["http://id.example.org", "id.example.org", "ftp://127.0.0.1"])
def test_a_provider_without_https_is_none(address):
    with pytest.raises(Permanent, match="https"), Http() as http:
        Provider(OidcSettings(issuer=address, client_id="x"), http, utc_now)  # type: ignore[call-arg]  # the rest has defaults


def test_a_provider_that_calls_itself_otherwise_is_told(issuer):
    settings = OidcSettings(issuer=issuer.replace("127.0.0.1", "localhost"), client_id="x")  # type: ignore[call-arg]  # the rest has defaults
    with Http() as http, pytest.raises(Permanent, match="ASSAY_OIDC__ISSUER"):
        Provider(settings, http, utc_now)._description()
