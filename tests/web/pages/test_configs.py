"""The pages of configuration archives: each answers its question about the sample, and leads on to the next one."""

import csv
import io
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree as ET

import pytest

from assay.auth.model import Kind, Principal, Role
from assay.bootstrap import Context
from assay.pipelines.configs.commands import uploading
from assay.pipelines.configs.model import Run, UploadKind
from web.pages.conftest import Browser

SAMPLE = Path(__file__).parents[3] / "sample" / "splunk-etc.tar.gz"
ANN = Principal(Kind.PERSON, "ann", Role.ANALYST, 1)

# Each page of an archive and the most statements that it may ask: how much is in the archive does not change that.
PAGES = {
    "": 4,
    "/files": 4,
    "/files?area=app&app=000_org_base": 5,
    "/files/1": 10,
    "/effective?conf=inputs": 12,
    "/effective?conf=props&app=000_org_base": 12,
    "/effective?conf=inputs&target=deployment&server_class=web_tier&inherited=true": 20,
    "/search": 4,
    "/search?q=secure": 6,
    "/lists": 5,
    "/lists?kind=indexes&q=sec": 5,
    "/routing": 26,
    "/routing?station=index:security": 5,
    "/serverclasses": 10,
    "/serverclasses?clients=web1.example.test,10.1.2.3": 10,
    "/apps": 8,
    "/changes": 4,
}


def parsed(ctx: Context, content: bytes, label: str, name: str = "etc.tar.gz") -> Run:
    stored = uploading.keep(ctx.uploads, iter([content]))
    run = uploading.note(
        ctx,
        stored,
        kind=UploadKind.INSTANCE_ETC,
        label=label,
        file_name=name,
        who=ANN,
        is_deferred=False,
    ).run
    return uploading.parse_now(ctx, run, lambda _: None)


@pytest.fixture(scope="module")
def run(loaded: Context) -> Run:
    return parsed(loaded, SAMPLE.read_bytes(), "the sample <etc>")


@pytest.fixture(scope="module")
def older(loaded: Context) -> Run:
    """One file of the same machine, of another day."""
    return parsed(loaded, b"[tcpout]\ndefaultGroup = before\n[old]\nk = v\n", "before", "outputs.conf")


@pytest.mark.parametrize(("path", "most"), PAGES.items())
def test_a_page_asks_a_bounded_number_of_statements_and_holds_nothing_inline(
    viewer, counted, run, path, most
):
    with counted() as seen:
        answer = viewer.get(f"/configs/{run.id}{path}")
    html = answer.text
    assert answer.status == 200, html[-2000:]
    assert 0 < len(seen) <= most, "\n".join(seen)
    assert "the sample <etc>" in html
    assert not re.search(r"<[^>]* style=", html)
    assert not re.search(r"<[^>]* on\w+=", html)
    assert set(re.findall(r'<form[^>]* action="([^"]*)" method="post"', html)) == {"/sign-out"}


def test_the_list_offers_the_form_to_those_who_may_upload(viewer, analyst, run):
    assert 'data-upload action="/v1/uploads"' in analyst.get("/configs").text
    html = viewer.get("/configs").text
    assert "data-upload" not in html
    assert f'href="/configs/{run.id}"' in html
    assert f"{run.counts['settings']:,}" in html
    assert 'href="/configs" aria-current="page"' in html


def test_the_overview_tells_what_is_in_it_and_what_is_wrong(viewer, run):
    html = viewer.get(f"/configs/{run.id}").text
    for said in ("Why does this value hold?", "Deployment apps", "The largest of"):
        assert said in html
    summary = viewer.get(f"/configs/{run.id}/lint/summary").text
    assert "A server class gives an app that is not there" in summary


def test_every_page_that_an_archive_links_to_is_there(viewer, run):
    """Two steps from the overview, and no link leads nowhere."""
    here = f"/configs/{run.id}"
    todo, seen = [here], set()
    for step in range(2):
        found: set[str] = set()
        for path in todo:
            answer = viewer.get(path)
            assert answer.status == 200, (path, answer.text[-500:])
            links = re.findall(r'href="(/(?:configs|v1/configs|jobs|vulnerabilities)[^"#]*)', answer.text)
            found |= {link for link in links if link.startswith(here)}
        seen |= set(todo)
        # Of pages that are alike some will do.
        todo = sorted(found - seen)[:: 1 if step == 0 else 25]
    assert len(seen) > 10


def test_a_file_says_of_each_line_what_became_of_it(viewer, run):
    number = _file(viewer, run, "area=app&app=000_org_base", "inputs.conf")
    html = viewer.get(f"/configs/{run.id}/files/{number}").text
    [stanza] = re.findall(r'href="([^"]*)">\[monitor:///var/log/secure\]<', html)
    assert "1 stanza in inputs.conf" in viewer.get(stanza).text
    assert re.search(
        r'class="lost">.*?security.*?hidden by.*?system/<wbr>local/<wbr>inputs\.conf', html, re.DOTALL
    )
    assert re.search(r'id="L2" class="">.*?holds', html, re.DOTALL)
    disabled = _file(viewer, run, "area=app&app=zzz_org_disabled", "inputs.conf")
    assert "The app is disabled" in viewer.get(f"/configs/{run.id}/files/{disabled}").text
    meta = _file(viewer, run, "area=app&app=000_org_base", "local.meta")
    assert ">Effect</th>" not in viewer.get(f"/configs/{run.id}/files/{meta}").text
    assert viewer.get(f"/configs/{run.id}/files/99999").status == 404


def _file(browser: Browser, run: Run, folder: str, name: str) -> str:
    html = browser.get(f"/configs/{run.id}/files?{folder}").text
    found = re.search(rf'/files/(\d+)">{re.escape(name)}<', html)
    assert found is not None
    return found[1]


def test_a_long_file_is_shown_in_parts_that_lead_on(viewer, loaded):
    text = "".join(f"[s{number}]\nk = {number}\n" for number in range(150))
    run = parsed(loaded, text.encode(), "long", "long.conf")
    first = viewer.get(f"/configs/{run.id}/files/0").text
    assert "Stanzas 1 to 60 of 150" in first
    following = re.search(r'rel="next" href="([^"]*)"', first)
    assert following is not None
    assert "Stanzas 61 to 120 of 150" in viewer.get(following[1]).text
    assert "[s149]" in viewer.get(f"/configs/{run.id}/files/0?line=300").text
    page = viewer.get(f"/configs/{run.id}/effective?conf=long&page=6").text
    assert "150 stanzas" in page
    assert "Page 6 of 6" in page


def test_what_holds_names_the_winner_and_what_it_hides(viewer, run):
    html = viewer.get(f"/configs/{run.id}/effective?conf=inputs.conf&stanza=var/log/secure").text
    assert "1 stanza in inputs.conf" in html
    winner, hidden = html.index("<code>os</code>"), html.index('<del class="plain">security</del>')
    assert winner < hidden
    assert viewer.get(f"/configs/{run.id}/effective?conf=nope").status == 404
    assert viewer.get(f"/configs/{run.id}/effective?conf=inputs&user=bob").status == 400
    assert "btool" in html


def test_the_ways_of_data_are_a_picture_whose_stations_lead_on(viewer, run):
    html = viewer.get(f"/configs/{run.id}/routing").text
    drawn = re.search(r"<svg class=\"routes\".*</svg>(?=</div>)", html, re.DOTALL)
    assert drawn is not None
    picture = ET.fromstring(drawn[0].replace("&", "&amp;"))
    stations = picture.findall(".//a")
    assert f"{len(stations)} stations of {len(stations)}" in html
    ways = [one for one in picture.findall("path") if "way" in one.get("class", "")]
    assert f"and {len(ways)} ways" in html
    [security] = [
        one
        for one in stations
        if "station index" in one.get("class", "") and "security" in "".join(one.itertext())
    ]
    narrowed = viewer.get(security.get("href")).text
    assert "monitor:///var/log/secure" in narrowed
    assert narrowed.count('class="station ') == 4
    assert "way possible" in narrowed
    assert "No enabled input" in viewer.get(f"/configs/{run.id}/routing?q=nothing-is-called-so").text


def test_too_many_stations_are_a_choice(viewer, loaded):
    text = "".join(f"[monitor:///log/{number}]\nindex = i{number}\n" for number in range(120))
    run = parsed(loaded, text.encode(), "many", "inputs.conf")
    html = viewer.get(f"/configs/{run.id}/routing").text
    assert "Too much for one picture" in html
    assert '<svg class="routes"' not in html
    [link] = re.findall(r'href="([^"]*)">i117<', html)
    assert '<svg class="routes"' in viewer.get(link).text


def test_server_classes_say_which_host_gets_what(viewer, run):
    clients = quote("web7.example.test, 10.1.2.3\nlab-1")
    html = viewer.get(f"/configs/{run.id}/serverclasses?clients={clients}").text
    assert "not in deployment-apps" in html
    row = html[html.index("What each host gets") :]
    assert re.search(r"web7\.example\.test</th><td>.*?org_web_inputs.*?web_tier", row, re.DOTALL)


def test_findings_are_explained_and_filtered(viewer, run):
    html = viewer.get(f"/configs/{run.id}/lint").text
    assert "The deployment server cannot hand out" in html
    assert "Lines that Splunk reads otherwise" in html
    narrowed = viewer.get(f"/configs/{run.id}/lint?rule=missing-app").text
    assert "missing-app" in narrowed
    assert "local-repeats-default" not in narrowed
    assert viewer.get(f"/configs/{run.id}/lint?severity=awful").status == 400


def test_without_records_of_splunk_no_app_is_called_safe(viewer, run):
    html = viewer.get(f"/configs/{run.id}/apps").text
    assert "The catalog names no product of Splunk" in html
    assert "No vulnerability" not in html


@pytest.mark.parametrize(
    ("context", "said", "unsaid"),
    [
        ("", "<code>system/local</code></li><li>each app", "saved in"),
        ("&app=search", "<code>local</code> of search", "saved in"),
        ("&app=search&user=bob", "what bob saved in search", "the cluster bundle"),
    ],
)
def test_which_file_wins_is_explained_for_the_context(viewer, run, context, said, unsaid):
    html = viewer.get(f"/configs/{run.id}/effective?conf=props{context}").text
    rules = html[html.index("Which file wins") :]
    assert said in rules
    assert unsaid not in rules


def test_changes_between_two_uploads(viewer, run, older):
    html = viewer.get(f"/configs/{run.id}/changes?since={older.id}&conf=outputs").text
    assert '<span class="mark added">' in html
    assert "before" in html
    # What is gone stands in the older archive, what came in this one.
    [gone] = re.findall(rf'href="(/configs/{older.id}/files/\d+)"', html)[:1]
    assert "[tcpout]" in viewer.get(gone).text
    [come] = re.findall(rf'href="(/configs/{run.id}/files/\d+)"', html)[:1]
    assert "outputs.conf" in viewer.get(come).text
    only = viewer.get(f"/configs/{run.id}/changes?since={older.id}&effective=true&change=removed").text
    assert f'href="/configs/{older.id}/effective?conf=outputs&stanza=old">[old]' in only
    assert "Choose an older upload" in viewer.get(f"/configs/{run.id}/changes").text


QUESTIONS = {
    "/files?area=app&app=000_org_base": "path",
    "/effective?conf=inputs": "stanza",
    "/search?q=secure": "stanza",
    "/lists?kind=indexes": "name",
    "/routing": "from",
    "/serverclasses": "server_class",
    "/apps": "name",
    "/lint": "rule",
}


@pytest.mark.parametrize(("path", "column"), QUESTIONS.items())
def test_every_answer_is_saved_as_csv_json_and_markdown(viewer, run, path, column):
    joint = "&" if "?" in path else "?"

    def saved(kind: str) -> Any:
        answer = viewer.get(f"/configs/{run.id}{path}{joint}format={kind}")
        assert answer.status == 200, answer.text
        assert re.fullmatch(
            rf'attachment; filename="the-sample--etc--[a-z]+\.{kind}"', answer.headers["Content-Disposition"]
        )
        return answer.text

    rows = json.loads(saved("json"))
    written = list(csv.DictReader(io.StringIO(saved("csv"))))
    assert len(rows) == len(written) > 0
    assert [str(row[column]) for row in rows] == [row[column].removeprefix("'") for row in written]
    lines = saved("md").splitlines()
    assert lines[0].startswith("# ")
    assert len(lines) == 4 + len(rows)


def test_more_that_can_be_saved(viewer, run, older):
    assert viewer.get(f"/configs/{run.id}/routing?format=mermaid").text.startswith("flowchart LR")
    assert viewer.get(f"/configs/{run.id}/report").text.startswith("# the sample")
    told = viewer.get(f"/configs/{run.id}/changes?since={older.id}&conf=outputs&format=json").text
    assert {row["change"] for row in json.loads(told)} >= {"added"}


def test_a_run_that_failed_or_waits_says_so(viewer, loaded):
    stored = uploading.keep(loaded.uploads, iter([b"no archive"]))
    waits = uploading.note(
        loaded, stored, kind=UploadKind.DS_ETC, label="waits", file_name="a.bin", who=ANN
    ).run
    html = viewer.get(f"/configs/{waits.id}").text
    assert "Waits for a worker" in html
    assert "data-poll" in html.partition("<main")[2]
    assert "data-poll" in viewer.get("/configs").text.partition("<main")[2]
    assert viewer.get(f"/configs/{waits.id}/files").status == 409
    with pytest.raises(Exception, match="no archive"):
        uploading.parse_now(loaded, waits, lambda _: None)
    failed = viewer.get(f"/configs/{waits.id}").text
    assert "Could not be read" in failed
    assert "upload a tar" in failed
    assert "data-poll" not in failed.partition("<main")[2]


def test_an_archive_is_forgotten_by_analysts_only(viewer, analyst, loaded):
    run = parsed(loaded, b"[s]\nk = v\n", "to be forgotten", "a.conf")
    here = f"/configs/{run.id}"
    assert viewer.post(f"{here}/forget", back=here).status == 403
    assert "The archive to be forgotten is forgotten." in analyst.post(f"{here}/forget", back=here).text
    assert viewer.get(here).status == 404
