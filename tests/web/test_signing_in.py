"""Signing in and out in a browser: forms, links, cookies, forgery, guessing."""

import re
from datetime import timedelta

import pytest
from argon2 import PasswordHasher

from assay.auth import queries
from assay.auth.commands import Act, add_person, disable, make_link, set_password
from assay.auth.model import Purpose, Role
from assay.auth.queries import AuditFilter
from assay.web.pages.signing_in import place
from browser import Browser
from web_service import TESTER, running_service, token_of

PASSWORD = "correct horse battery"
KEPT = PasswordHasher().hash(PASSWORD)
OTHER = "quite another staple"


@pytest.fixture
def service(make_context):
    ctx = make_context()
    with ctx.db.transaction() as conn:
        act = Act(conn, ctx.sign_in, ctx.clock(), TESTER)
        add_person(act, "ada", Role.ANALYST)
        add_person(act, "root", Role.ADMIN)
        # Hashed once for all tests: it is slow on purpose.
        conn.execute("UPDATE auth.people SET password = %s", (KEPT,))
    with running_service(ctx) as found:
        yield found


@pytest.fixture
def browser(service):
    with Browser(service.url) as found:
        yield found


def noted(service, action: str) -> list[tuple[str, str]]:
    with service.ctx.db.transaction() as conn:
        rows = queries.list_records(conn, AuditFilter(action=action))
    return [(row.name, row.subject) for row in rows]


def a_link(service, name: str, purpose: Purpose) -> str:
    with service.ctx.db.transaction() as conn:
        act = Act(conn, service.ctx.sign_in, service.ctx.clock(), TESTER)
        return f"/sign-in/link?token={make_link(act, name, purpose)}"


def test_in_and_out(service, browser):
    answer = browser.enter("ADA", PASSWORD, next="/v1/me")
    assert (answer.status_code, answer.headers["location"]) == (303, "/v1/me")
    cookie = next(one for one in answer.headers.get_list("set-cookie") if one.startswith("assay-session="))
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Secure" not in cookie
    assert browser.get("/v1/me").json() == {"kind": "person", "name": "ada", "role": "analyst", "scopes": []}
    assert noted(service, "auth.sign_in") == [("ada", "ada")]
    assert browser.get("/sign-in").headers["location"] == "/"
    left = browser.fill_in("/sign-in/password", "/sign-out")
    assert left.headers["location"] == "/sign-in"
    assert noted(service, "auth.sign_out") == [("ada", "ada")]
    assert browser.get("/v1/me").headers["location"] == "/sign-in?next=%2Fv1%2Fme"


def test_a_session_that_was_ended_elsewhere_is_over(service, browser):
    browser.enter("ada", PASSWORD)
    kept = dict(browser.cookies)
    browser.fill_in("/sign-in/password", "/sign-out/everywhere")
    with Browser(service.url) as thief:
        thief.cookies.update(kept)
        assert thief.get("/v1/me").status_code == 303


def test_over_https_the_cookie_is_for_this_host_and_https_only(service):
    with Browser(service.url, **{"X-Forwarded-Proto": "https"}) as browser:
        shown = browser.get("/sign-in")
        assert shown.headers["strict-transport-security"]
        [cookie] = shown.headers.get_list("set-cookie")
        assert cookie.startswith("__Host-assay-visit=")
        assert "Secure" in cookie
        assert "Path=/" in cookie
        assert "domain" not in cookie.lower()


@pytest.mark.parametrize(
    ("name", "password"), [("ada", "wrong"), ("nobody", PASSWORD), ("", ""), ("a\0", "\0")]
)
def test_what_is_wrong_is_told_in_the_same_words(service, browser, name, password):
    answer = browser.enter(name, password)
    assert answer.status_code == 403
    assert "the name or the password is wrong" in answer.text
    assert "assay-session" not in dict(browser.cookies)
    subject = "ada" if name == "ada" else "unknown name"
    assert noted(service, "auth.sign_in_failed") == [("public", subject)]


def test_guessing_is_slowed_down_for_the_name_wherever_it_comes_from(service, browser):
    for _ in range(service.ctx.sign_in.free_by_name):
        assert browser.enter("ada", "wrong").status_code == 403
    answer = browser.enter("ada", PASSWORD)
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["retry-after"]) <= 300
    with Browser(service.url, **{"X-Forwarded-For": "203.0.113.9"}) as other:
        assert other.enter("ada", PASSWORD).status_code == 429
        assert other.enter("root", PASSWORD).status_code == 303


def test_a_form_that_is_not_ours_changes_nothing(service, browser):
    ours = {"name": "ada", "password": PASSWORD}
    assert browser.post("/sign-in", data=ours).status_code == 403
    assert browser.post("/sign-in", data=ours | {"csrf_token": "AAAA"}).status_code == 403
    for headers in (
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "", "Origin": "https://example.org"},
    ):
        browser.headers.update(headers)
        assert browser.enter("ada", PASSWORD).status_code == 403
    del browser.headers["Sec-Fetch-Site"]
    browser.headers["Origin"] = service.url.rstrip("/")
    assert browser.enter("ada", PASSWORD).status_code == 303


def test_a_change_by_cookie_needs_the_pages_token(browser):
    browser.enter("ada", PASSWORD)
    body = {"json": {"sources": ["kev"]}}
    assert browser.post("/api/jobs/sync", **body).status_code == 403
    page = browser.get("/sign-in/password").text
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)[1]
    assert browser.post("/api/jobs/sync", headers={"X-CSRF-Token": token}, **body).status_code == 202
    elsewhere = {"X-CSRF-Token": token, "Sec-Fetch-Site": "cross-site"}
    assert browser.post("/api/jobs/sync", headers=elsewhere, **body).status_code == 403
    # Each page has another text for the same secret.
    assert token not in browser.get("/sign-in/password").text


def test_a_link_signs_in_once(service, browser):
    link = a_link(service, "root", Purpose.SIGN_IN)
    assert browser.get(link, headers={"Sec-Purpose": "prefetch"}).status_code == 403
    assert browser.get(link).headers["location"] == "/"
    assert browser.get("/v1/me").json()["name"] == "root"
    with Browser(service.url) as second:
        answer = second.get(link)
        assert answer.status_code == 403
        assert "no longer good" in answer.text
    assert noted(service, "auth.sign_in_failed") == [("public", "unknown name")]


def test_a_link_lets_a_password_be_chosen(service, browser):
    link = a_link(service, "ada", Purpose.PASSWORD)
    assert "Choose a password, ada" in browser.get(link).text
    assert "not the same" in browser.fill_in(link, password=OTHER, again=PASSWORD).text
    assert "at least 12" in browser.fill_in(link, password="short", again="short").text
    assert browser.fill_in(link, password=OTHER, again=OTHER).status_code == 303
    assert browser.get("/v1/me").json()["name"] == "ada"
    with Browser(service.url) as second:
        assert second.enter("ada", PASSWORD).status_code == 403
        assert second.enter("ada", OTHER).status_code == 303
        assert second.get(link).status_code == 403


def test_a_link_of_one_purpose_is_none_of_the_other(service, browser):
    link = a_link(service, "ada", Purpose.SIGN_IN)
    browser.get("/sign-in")
    answer = browser.post(
        "/sign-in/link",
        data={"csrf_token": "", "token": link.partition("=")[2], "password": OTHER, "again": OTHER},
    )
    assert answer.status_code == 403
    assert browser.get(link).status_code == 303


def test_a_link_is_good_for_some_minutes_only(service, browser):
    link = a_link(service, "ada", Purpose.SIGN_IN)
    with service.ctx.db.transaction() as conn:
        conn.execute("UPDATE auth.links SET expires_at = now() - interval '1 second'")
    assert browser.get(link).status_code == 403


def test_a_password_is_changed_and_everybody_else_is_out(service, browser):
    browser.enter("ada", PASSWORD)
    with Browser(service.url) as elsewhere:
        elsewhere.enter("ada", PASSWORD)
        wrong = browser.fill_in("/sign-in/password", before="wrong", password=OTHER, again=OTHER)
        assert "present password is wrong" in wrong.text
        changed = browser.fill_in("/sign-in/password", before=PASSWORD, password=OTHER, again=OTHER)
        assert changed.status_code == 303
        assert browser.get("/v1/me").status_code == 200
        assert elsewhere.get("/v1/me").status_code == 303
    assert noted(service, "people.password") == [("ada", "ada")]


def test_who_is_disabled_is_out_at_once(service, browser):
    browser.enter("ada", PASSWORD)
    with service.ctx.db.transaction() as conn:
        disable(Act(conn, service.ctx.sign_in, service.ctx.clock(), TESTER), "ada")
    assert browser.get("/v1/me").status_code == 303
    assert browser.enter("ada", PASSWORD).status_code == 403


@pytest.mark.parametrize("column", ["idle_until", "ends_at"])
def test_a_session_ends_by_itself(service, browser, column):
    browser.enter("ada", PASSWORD)
    with service.ctx.db.transaction() as conn:
        conn.execute(f"UPDATE auth.sessions SET {column} = now() - interval '1 second'")
    assert browser.get("/v1/me").status_code == 303


def test_a_session_that_is_used_goes_on(service, browser):
    browser.enter("ada", PASSWORD)
    with service.ctx.db.transaction() as conn:
        conn.execute(
            "UPDATE auth.sessions SET seen_at = now() - interval '1 hour', idle_until = now() + interval '1 hour'"
        )
    assert browser.get("/v1/me").status_code == 200
    with service.ctx.db.transaction() as conn:
        [left] = conn.execute("SELECT idle_until - now() FROM auth.sessions").fetchone()
    assert left > timedelta(hours=11)


def test_no_secret_is_kept_that_could_be_used(service, browser):
    browser.enter("ada", PASSWORD)
    token = token_of(service.ctx, Role.VIEWER)
    link = a_link(service, "ada", Purpose.SIGN_IN)
    secrets = [browser.cookies["assay-session"], token, link.partition("=")[2], PASSWORD]
    with service.ctx.db.transaction() as conn:
        tables = [
            row[0]
            for row in conn.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'auth'").fetchall()
        ]
        kept = "".join(
            str(conn.execute(f"SELECT t::text FROM auth.{table} AS t").fetchall()) for table in tables
        )
    assert "ada" in kept
    assert not [secret for secret in secrets if secret in kept]


def test_a_password_of_older_parameters_is_hashed_again(service, browser):
    weak = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1).hash(PASSWORD)
    with service.ctx.db.transaction() as conn:
        conn.execute("UPDATE auth.people SET password = %s WHERE name = 'ada'", (weak,))
    assert browser.enter("ada", PASSWORD).status_code == 303
    with service.ctx.db.transaction() as conn:
        [kept] = conn.execute("SELECT password FROM auth.people WHERE name = 'ada'").fetchone()
    assert kept != weak
    assert "m=65536" in kept
    browser.cookies.clear()
    assert browser.enter("ada", PASSWORD).status_code == 303


@pytest.mark.parametrize(
    ("wanted", "goes_to"),
    [
        ("/vulnerabilities?kev=1", "/vulnerabilities?kev=1"),
        ("", "/"),
        ("https://example.org/", "/"),
        ("//example.org/", "/"),
        ("/\\example.org/", "/"),
        ("/\t/example.org/", "/"),
        ("/sign-out", "/"),
        ("javascript:alert(1)", "/"),
        ("/" + "a" * 3000, "/"),
    ],
)
def test_nobody_is_sent_elsewhere(wanted, goes_to):
    assert place(wanted) == goes_to


def test_a_person_without_a_password_may_choose_one(service, browser):
    with service.ctx.db.transaction() as conn:
        act = Act(conn, service.ctx.sign_in, service.ctx.clock(), TESTER)
        add_person(act, "eve", Role.VIEWER)
    assert browser.enter("eve", "").status_code == 403
    browser.get(a_link(service, "eve", Purpose.SIGN_IN))
    answer = browser.fill_in("/sign-in/password", before="", password=OTHER, again=OTHER)
    assert answer.status_code == 303
    assert browser.get("/v1/me").json()["role"] == "viewer"


def test_pages_load_nothing_from_elsewhere_and_run_nothing(service, browser):
    for path in ("/sign-in", "/docs", a_link(service, "ada", Purpose.PASSWORD)):
        shown = browser.get(path)
        assert shown.status_code == 200
        assert "script-src 'self'" in shown.headers["content-security-policy"]
        assert shown.headers["x-content-type-options"] == "nosniff"
        assert "<script" not in shown.text
        assert "://" not in shown.text.replace("http://www.w3.org", "")
    styles = browser.get("/static/sign-in.css")
    assert styles.headers["content-type"].startswith("text/css")


def test_htmx_is_sent_to_sign_in_with_the_whole_page(browser):
    answer = browser.get("/v1/me", headers={"HX-Request": "true", "HX-Current-URL": "http://x/jobs?a=1"})
    assert answer.status_code == 401
    assert answer.headers["hx-redirect"] == "/sign-in?next=%2Fjobs%3Fa%3D1"


def test_the_password_that_others_knew_is_of_no_use(service, browser):
    browser.enter("ada", PASSWORD)
    with service.ctx.db.transaction() as conn:
        act = Act(conn, service.ctx.sign_in, service.ctx.clock(), TESTER)
        set_password(act, "ada", OTHER)
    assert browser.get("/v1/me").status_code == 303
