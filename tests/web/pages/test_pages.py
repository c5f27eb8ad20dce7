"""Every page says what it should to whom it should, with a bounded number of statements."""

import csv
import io
import json
import re
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote

import pytest

from assay.auth.model import Role
from assay.jobs.deferring import put
from assay.kit.compression import compress
from assay.pipelines.advisories.commands import background_sync
from web.pages.conftest import Browser

# Each page and the most statements that it may ask: what it shows does not change that.
PAGES = {
    "/": 45,
    "/vulnerabilities": 12,
    "/vulnerabilities?q=log4j&severity=critical&exploited=yes&source=osv&ecosystem=Maven&sort=epss": 24,
    "/vulnerabilities/CVE-2021-44228": 14,
    "/vulnerabilities/CVE-2021-44228/claims/osv?record=GHSA-jfh8-c2jp-5v3q": 5,
    "/vulnerabilities?monitored=yes": 14,
    "/products": 6,
    "/sources": 16,
    "/sources/osv": 18,
    "/sources/quarantine": 4,
    "/feeds": 6,
    "/feeds/entries": 5,
    "/feeds/entries?status=failed&source=news&q=x&monitored=true": 5,
    "/jobs": 12,
    "/jobs?status=failed": 6,
    "/schedules": 3,
    "/alerts": 4,
    "/alerts?state=all": 4,
}
FOR_ADMINS = {"/audit": 3, "/settings": 6, "/settings/llm": 5}


@pytest.mark.parametrize(("path", "most"), {**PAGES, **FOR_ADMINS}.items())
def test_a_page_asks_a_bounded_number_of_statements(admin, counted, path, most):
    admin.get(path)
    with counted() as seen:
        answer = admin.get(path)
    assert answer.status == 200, answer.text[-2000:]
    assert answer.headers["Cache-Control"] == "no-store"
    assert 0 < len(seen) <= most, "\n".join(seen)


@pytest.mark.parametrize("path", [*PAGES, *FOR_ADMINS])
def test_nothing_stands_inline_and_nothing_is_asked_elsewhere(admin, path):
    html = admin.get(path).text
    assert not re.search(r"<[^>]* style=", html)
    assert not re.search(r"<[^>]* on\w+=", html)
    assert "<style" not in html
    assert all(found == "" for found in re.findall(r"<script[^>]*>([^<]*)</script>", html))
    assert all(
        one.startswith("/") for one in re.findall(r'<(?:script|link|img)[^>]* (?:src|href)="([^"]*)"', html)
    )


@pytest.mark.parametrize("path", PAGES)
def test_a_viewer_sees_no_button_that_changes_something(viewer, path):
    html = viewer.get(path).text
    actions = set(re.findall(r'<form[^>]* action="([^"]*)" method="post"', html))
    assert actions == {"/sign-out"}


@pytest.mark.parametrize("path", FOR_ADMINS)
@pytest.mark.parametrize("role", [Role.VIEWER, Role.ANALYST])
def test_what_is_for_admins_is_refused_as_a_page(pages, path, role):
    answer = Browser(pages, role).get(path)
    assert answer.status == 403
    assert "Ask an administrator" in answer.text
    assert f'href="{path}"' not in answer.text.partition("<main")[0]


def test_the_overview_tells_what_is_there(viewer):
    html = viewer.get("/").text
    assert "1,129" in html
    assert "Newly exploited" in html
    assert "no worker is running" in html
    for source in ("osv", "gitlab", "cve", "kev", "epss"):
        assert f'href="/sources/{source}"' in html


def test_counters_follow_the_filters(viewer):
    html = viewer.get("/vulnerabilities?exploited=yes&severity=critical").text
    shown = re.search(r"<dt>Found</dt>\s*<dd>([\d,]+)", html)
    assert shown is not None
    rows = list(
        csv.DictReader(
            io.StringIO(viewer.get("/vulnerabilities/export.csv?exploited=yes&severity=critical").text)
        )
    )
    assert int(shown[1].replace(",", "")) == len(rows) > 0
    assert {row["severity"] for row in rows} == {"critical"}
    assert {row["exploited"] for row in rows} == {"true"}


def test_pages_of_the_list_are_turned_both_ways(viewer):
    first = viewer.get("/vulnerabilities?sort=name").text
    following = re.search(r'rel="next" href="([^"]*)"', first)
    assert following is not None
    second = viewer.get(following[1]).text
    back = re.search(r'rel="prev" href="([^"]*)"', second)
    assert back is not None

    def names(html: str) -> list[str]:
        return re.findall(r'<th scope="row" class="tight"><a href="/vulnerabilities/([^"]*)"', html)

    assert len(names(first)) == 50
    assert names(first) == sorted(names(first))
    assert names(viewer.get(back[1]).text) == names(first)
    assert not set(names(first)) & set(names(second))


def test_the_whole_list_is_written_out_as_json(viewer):
    answer = viewer.get("/vulnerabilities/export.json")
    assert "attachment" in answer.headers["Content-Disposition"]
    assert len(json.loads(answer.text)) == 1129


@pytest.mark.parametrize("path", ["/vulnerabilities?cursor=nonsense", "/vulnerabilities?severity=awful"])
def test_a_wrong_address_is_told_as_a_page(viewer, path):
    answer = viewer.get(path)
    assert answer.status in (400, 409)
    assert "<h1>" in answer.text


def test_a_program_gets_problem_details_where_a_person_gets_a_page(viewer):
    page, problem = viewer.get("/sources/nope"), viewer.get("/sources/nope", Accept="application/json")
    assert (page.status, problem.status) == (404, 404)
    assert "No source is called" in page.text
    assert json.loads(problem.text)["detail"].startswith("no source is called")


def test_one_vulnerability_tells_who_says_what(viewer):
    html = viewer.get("/vulnerabilities/ghsa-jfh8-c2jp-5v3q").text
    assert "CVE-2021-44228" in html
    assert "org.apache.logging.log4j:log4j-core" in html
    assert "says otherwise" in html
    assert "Mark as remediated" not in html


def test_a_mark_of_remediation_is_noted_and_taken_back(analyst, admin):
    here = "/vulnerabilities/CVE-2021-44228"
    marked = analyst.post(f"{here}/remediate", back=here, note="<b>patched</b>").text
    assert "CVE-2021-44228 is marked as remediated." in marked
    assert "<b>patched</b>" in marked  # unescaped by the test's browser, so it was escaped on the page
    undone = analyst.post(f"{here}/unremediate", back=here).text
    assert "no longer marked" in undone
    again = analyst.post(f"{here}/unremediate", back=here).text
    assert 'class="said bad"' in again
    log = admin.get("/audit?action=vulnerabilities.").text
    assert "vulnerabilities.remediate" in log
    assert "vulnerabilities.unremediate" in log
    # The file of a day holds that day, not also what came before it since midnight.
    since = re.search(r"export\?[^\"]*since=([^&\"]+)", admin.get("/audit?period=1d").text)
    assert since is not None
    asked = datetime.fromisoformat(unquote(since[1]))
    assert timedelta(days=1) <= datetime.now(UTC) - asked < timedelta(days=1, hours=1)


def test_what_was_said_is_said_once(analyst):
    here = "/vulnerabilities/CVE-2019-5418"
    assert 'class="said"' in analyst.post(f"{here}/remediate", back=here).text
    assert 'class="said"' not in analyst.get(here).text
    analyst.post(f"{here}/unremediate", back=here)


@pytest.mark.parametrize(
    "back", ["//example.org/", "https://example.org/", "/\\example.org", "javascript:alert(1)"]
)
def test_a_form_leads_back_to_this_service_only(analyst, back):
    answer = analyst.send(
        "POST",
        "/vulnerabilities/CVE-2021-44228/unremediate",
        f"back={back}",
        **{"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert (answer.status, answer.headers["Location"]) == (303, "/")


def test_a_source_is_run_once_paused_and_set(analyst, admin):
    assert re.search(r"Job \d+ syncs kev", analyst.post("/sources/kev/run", back="/sources").text)
    assert "is being synced already" in analyst.post("/sources/kev/run", back="/sources").text
    wrong = admin.post("/sources/kev/interval", back="/sources/kev", spec="every blue moon")
    assert 'class="said bad"' in wrong.text
    assert 'value="every blue moon"' in wrong.text
    assert "set by hand" in admin.post("/sources/kev/interval", back="/sources/kev", spec="every 30m").text
    assert "Enable" in admin.post("/sources/kev/disable", back="/sources/kev").text
    assert "Disable" in admin.post("/sources/kev/enable", back="/sources/kev").text
    assert "set by hand" not in admin.post("/sources/kev/interval", back="/sources/kev", spec="").text


def test_what_is_in_quarantine_is_read_again(analyst, viewer):
    with analyst.service.ctx.db.transaction() as conn:
        (key,) = conn.execute(
            "INSERT INTO advisories.quarantine "
            "(source, scope, locator, document, reason, detail, raw, first_at, last_at) "
            "VALUES ('kev', 'all', 'broken.json', 'none', 'not-json', 'odd', %s, now(), now()) RETURNING id",
            (compress(b"{"),),
        ).fetchone()
    page = "/sources/quarantine"
    assert "Read all again" in analyst.get(page).text
    assert "Read those of kev again" in analyst.get(f"{page}?source=kev").text
    assert "Read it again" in analyst.get(f"{page}/{key}").text
    assert "again" not in viewer.get(f"{page}/{key}").text
    for asked in ({}, {"source": "kev"}, {"key": str(key)}):
        said = analyst.post(f"{page}/replay", back=page, **asked).text
        assert re.search(r"Job \d+ reads the records again", said)
    assert "no source is called" in analyst.post(f"{page}/replay", back=page, source="nobody").text.lower()
    assert 'class="said bad"' in analyst.post(f"{page}/replay", back=page, key="999999").text


def test_a_viewer_may_press_nothing(viewer):
    for path in (
        "/sources/kev/run",
        "/sources/quarantine/replay",
        "/jobs/1/retry",
        "/jobs/retry",
        "/schedules/run",
        "/alerts/1/acknowledge",
    ):
        assert viewer.post(path, name="kev").status == 403


def test_a_dead_letter_is_shown_retried_and_discarded(loaded, analyst):
    with loaded.db.transaction() as conn:
        job = put(conn, background_sync, {"source": "cve"})
        conn.execute(
            "UPDATE jobs.procrastinate_jobs SET status = 'failed', error_message = 'a <mirror> is down' WHERE id = %s",
            (job.id,),
        )
    listed = analyst.get("/jobs?status=failed").text
    assert "a <mirror> is down" in listed
    assert f"Job {job.id} will be tried again." in analyst.post(f"/jobs/{job.id}/retry", back="/jobs").text
    assert 'class="said bad"' in analyst.post(f"/jobs/{job.id}/discard", back="/jobs").text
    assert (
        f"Job {job.id} is cancelled." in analyst.post(f"/jobs/{job.id}/cancel", back=f"/jobs/{job.id}").text
    )


def test_people_and_tokens_are_made_and_ended(admin):
    invited = admin.post("/settings/people", back="/settings", name="grace", role="analyst").text
    # What is to be copied stands for itself: the full stop of the sentence is no part of it.
    assert re.search(r"<code>http\S+/sign-in/link\?token=[\w-]{20,}</code>", invited)
    again = admin.post("/settings/people/1/invite", back="/settings").text
    assert re.search(r"<code>http\S+/sign-in/link\?token=[\w-]{20,}</code>", again)
    made = admin.post("/settings/tokens", back="/settings", name="ci", role="viewer", lasts="30d").text
    assert re.search(r"shown this once: <code>assay_[\w-]{20,}</code>", made)
    assert "assay_" not in admin.get("/settings").text.partition("<main")[2]
    assert (
        'class="said bad"' in admin.post("/settings/tokens", back="/settings", name="ci", role="viewer").text
    )


def test_settings_are_changed_and_taken_back(admin):
    def change(verb: str = "", **fields: str) -> str:
        return admin.post(f"/settings/values{verb}", back="/settings#values", **fields).text

    assert "alerts.backlog is 500 from now on" in change(name="alerts.backlog", value=" 500 ")
    assert 'value="500"' in admin.get("/settings").text
    assert "as the settings file and the environment say" in change("/reset", name="alerts.backlog")
    assert 'value="500"' not in admin.get("/settings").text
    change(name="alerts.off", value="worker_down, source_stale")
    assert 'value="worker_down, source_stale"' in admin.get("/settings").text
    change(name="alerts.off", value='["backlog", "worker_down"]')
    assert 'value="backlog, worker_down"' in admin.get("/settings").text
    change("/reset", name="alerts.off")
    # What the page shows for none is taken back as it stands.
    shown = re.search(
        r'name="name" value="alerts.off">.*?name="value"[^>]* value="([^"]*)"',
        admin.get("/settings").text,
        re.DOTALL,
    )
    assert shown is not None
    assert 'class="said bad"' not in change(name="alerts.off", value=shown[1])
    for name, value in (
        ("alerts.backlog", "many"),
        ("alerts.backlog", "0"),
        ("alerts.off", "x"),
        ("home", "1"),
    ):
        assert 'class="said bad"' in change(name=name, value=value)
    change("/reset", name="alerts.off")


def test_files_are_kept_by_browsers_under_an_address_that_tells_their_content(viewer):
    html = viewer.get("/").text
    for address in re.findall(r'(?:src|href)="(/static/[^"]*)"', html):
        answer = viewer.get(address)
        assert answer.status == 200
        assert "immutable" in answer.headers["Cache-Control"]
    assert viewer.get("/static/../app.py").status == 404
