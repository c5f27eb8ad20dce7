"""`/v1/vulnerabilities` and `/v1/overview` on a catalog that was really synced."""

import csv
import gzip
import io
import json
from urllib.parse import quote, urlencode

import msgspec
import pytest
import zstandard

from assay.auth.model import Kind, Principal, Role
from assay.bootstrap import Context
from assay.catalog import queries
from assay.catalog.commands import merge, rebuild
from assay.catalog.queries import Filters
from assay.domain.severity import Band
from web_service import Answer, Service, running_service

PATH = "/v1/vulnerabilities"
EDGE = "GHSA-edge-edge-0003"


class Someone:
    """Whoever the service takes every request for."""

    role: Role | None = Role.ANALYST


@pytest.fixture(scope="module")
def someone() -> Someone:
    return Someone()


@pytest.fixture(scope="module")
def service(synced: Context, someone: Someone):
    with running_service(synced, identify=lambda _: Principal(Kind.PERSON, "ada", someone.role, 1)) as found:
        yield found


def ask(service: Service, path: str = PATH, **query: object) -> Answer:
    return service.get(f"{path}?{urlencode(query, doseq=True)}" if query else path)


def names(answer: Answer) -> list[str]:
    assert answer.status == 200, answer.body
    return [one["name"] for one in answer.json["vulnerabilities"]]


def everything(service: Service, **query: object) -> list[str]:
    """All pages, by the links that each gives."""
    found: list[str] = []
    link: str | None = f"{PATH}?{urlencode(query, doseq=True)}"
    while link is not None:
        page = service.get(link)
        found += names(page)
        link = page.json["next"]
        assert (f'<{link}>; rel="next"' in page.headers.get("link", "")) is (link is not None)
    return found


@pytest.mark.parametrize("sort", ["modified", "published", "severity", "epss", "name"])
@pytest.mark.parametrize("order", ["asc", "desc"])
def test_pages_lead_through_everything_and_back(service: Service, sort: str, order: str):
    query = {"sort": sort, "order": order, "ecosystem": "PyPI", "limit": 50, "withdrawn": True}
    whole = everything(service, **query)
    with service.ctx.db.transaction() as conn:
        total = queries.count(conn, Filters(ecosystem="PyPI", withdrawn=True)).total
    assert len(whole) == len(set(whole)) == total > 100
    first = ask(service, **query)
    second = service.get(first.json["next"])
    assert first.json["previous"] is None
    assert names(service.get(second.json["previous"])) == names(first)
    assert names(second) == whole[50:100]


def test_an_order_is_kept(service: Service):
    page = ask(service, sort="severity", limit=200).json["vulnerabilities"]
    ranks = [-1 if one["severity"] is None else Band(one["severity"]).rank for one in page]
    assert ranks == sorted(ranks, reverse=True)
    found = everything(service, sort="name", ecosystem="PyPI")
    assert found == sorted(found)


@pytest.mark.parametrize(
    "query",
    [
        {"severity": ["critical", "unrated"]},
        {"min_cvss": 9},
        {"source": "gitlab"},
        {"state": "withdrawn"},
        {"q": "denial"},
        {"package": "edge", "ecosystem": "npm"},
        {"published_since": "2022-01-01", "published_until": "2023-01-01T00:00:00Z"},
        {"needs_review": "false", "kev": "false"},
        {"ecosystem": "nowhere"},
    ],
)
def test_counts_and_trend_follow_the_filters(service: Service, query: dict[str, object]):
    listed = everything(service, **query, limit=500)
    counts = ask(service, f"{PATH}/counts", **query).json
    assert counts["total"] == sum(counts["severities"].values()) == len(listed)
    assert counts["is_exact"]
    trend = ask(service, f"{PATH}/trend", **query, days=3660, to="2026-12-31").json["trend"]
    assert len(trend) == 3660
    since = trend[0]["day"]
    recent = everything(service, **({"published_since": since, "published_until": "2027-01-01"} | query))
    days = sum(sum(day["severities"].values()) for day in trend)
    assert days == len([name for name in listed if name in set(recent)])


def test_what_passes_is_what_was_asked_for(service: Service):
    critical = ask(service, severity="critical", min_cvss=9.5, limit=100).json["vulnerabilities"]
    assert critical
    assert all(one["severity"] == "critical" and one["cvss_score"] >= 9.5 for one in critical)
    assert names(ask(service, q="SNYK-JS-EDGE-1")) == [EDGE]
    assert names(ask(service, q="ghsa-EDGE-edge-0004")) == ["GHSA-edge-edge-0004"]
    assert names(ask(service, ecosystem="Debian:12", package="edge")) == ["DEBIAN-CVE-2024-90008"]
    assert names(ask(service, ecosystem="Debian:11")) == ["DEBIAN-CVE-2024-90009"]


def test_words_that_very_many_have_are_counted_in_part_and_said_so(
    service: Service, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("assay.catalog.queries.filtering.MOST_WORDED", 100)
    monkeypatch.setattr("assay.catalog.queries.counting.MOST_WORDED", 100)
    listed = everything(service, q="crowded", limit=1000)
    assert len(listed) == 3100
    with service.ctx.db.transaction() as conn:
        counts = queries.count(conn, Filters(text="crowded"))
        few = queries.count(conn, Filters(text="crowded", package="edge"))
    assert (counts.is_exact, counts.total) == (False, 100)
    assert (few.is_exact, few.total) == (True, 0)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("limt=3", "'limt'; did you mean 'limit'?"),
        ("nonsense=1", "'nonsense'; there are"),
        ("limit=0", "query.limit"),
        ("limit=1001", "query.limit"),
        ("severity=awful", "query.severity.0"),
        ("min_epss=2", "query.min_epss"),
        ("since=yesterday", "query.since"),
        ("since=2024", "say a day such as 2026-03-01"),
        ("published_until=20240301", "say a day such as 2026-03-01"),
        ("sort=beauty", "query.sort"),
        ("cursor=x", "not the cursor of a page"),
        ("state=gone", "query.state.0"),
        ("q=" + "x" * 301, "query.q"),
    ],
)
def test_what_cannot_be_asked_is_refused_by_its_name(service: Service, query: str, said: str):
    answer = service.get(f"{PATH}?{query}")
    assert answer.status == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert said in answer.json["detail"]


def test_a_cursor_belongs_to_its_order(service: Service):
    cursor = ask(service, limit=1).json["next_cursor"]
    answer = ask(service, cursor=cursor, sort="name")
    assert (answer.status, "in this order" in answer.json["detail"]) == (400, True)


@pytest.mark.parametrize("text", ["\x00", "\ud800", "'\"&|!():*<->", "%", "a" * 300])
@pytest.mark.parametrize("name", ["q", "ecosystem", "package", "source"])
def test_no_text_breaks_a_list(service: Service, name: str, text: str):
    query = f"{name}={quote(text.encode(errors='surrogatepass'))}"
    assert service.get(f"{PATH}?{query}").status == 200
    assert service.get(f"{PATH}/counts?{query}").status == 200


def test_an_answer_is_tagged_until_the_catalog_says_something_else(service: Service):
    first = ask(service, limit=3)
    tag = first.headers["etag"]
    again = service.get(f"{PATH}?limit=3", If_None_Match=f'"other", {tag}')
    assert (again.status, again.body, again.headers["etag"]) == (304, b"", tag)
    assert again.headers["cache-control"] == "private, no-cache"
    assert ask(service, limit=4).headers["etag"] != tag
    assert service.get(f"{PATH}?limit=3", If_None_Match='W/"0-0"').body == first.body
    service.post(f"{PATH}/{EDGE}/remediation", {"note": "tagged"})
    after = service.get(f"{PATH}?limit=3", If_None_Match=tag)
    assert (after.status, after.headers["etag"] != tag) == (200, True)
    service.ask("DELETE", f"{PATH}/{EDGE}/remediation")


def test_answers_are_packed_for_those_who_take_them(service: Service):
    path = f"{PATH}?limit=100"
    plain = service.get(path)
    zipped = service.get(path, Accept_Encoding="gzip")
    packed = service.get(path, Accept_Encoding="gzip;q=0.5, zstd")
    assert "content-encoding" not in plain.headers
    assert zipped.headers["content-encoding"] == "gzip"
    assert packed.headers["content-encoding"] == "zstd"
    assert plain.body == gzip.decompress(zipped.body)
    assert plain.body == zstandard.ZstdDecompressor().decompressobj().decompress(packed.body)
    assert len(packed.body) < len(plain.body) / 3
    assert plain.headers["vary"] == zipped.headers["vary"] == "Accept-Encoding"
    assert plain.headers["etag"] == packed.headers["etag"]
    assert "content-encoding" not in service.get(path, Accept_Encoding="gzip;q=0, br").headers


def test_the_filtered_view_as_a_file(service: Service):
    query = urlencode({"ecosystem": "npm", "sort": "name", "withdrawn": True})
    listed = everything(service, ecosystem="npm", sort="name", withdrawn=True, limit=1000)
    as_json = service.get(f"{PATH}.json?{query}")
    assert [one["name"] for one in as_json.json] == listed
    assert len(listed) > 3000
    as_csv = service.get(f"{PATH}.csv?{query}", Accept_Encoding="zstd")
    text = zstandard.ZstdDecompressor().decompressobj().decompress(as_csv.body).decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["name"] for row in rows] == listed
    edge = next(row for row in rows if row["name"] == EDGE)
    assert (edge["severity"], edge["exploited"], edge["sources"]) == ("critical", "false", "osv")
    assert as_csv.headers["content-disposition"].endswith('.csv"')
    assert service.get(f"{PATH}.csv?{query}", If_None_Match=as_csv.headers["etag"]).status == 304
    assert service.get(f"{PATH}.json?ecosystem=nowhere").json == []


def test_the_overview(service: Service):
    told = ask(service, "/v1/overview", days=7).json
    assert told["counts"] == ask(service, f"{PATH}/counts").json
    assert len(told["trend"]) == 7
    assert told["this_week"] == sum(sum(day["severities"].values()) for day in told["trend"])
    assert told["today"] == sum(told["trend"][-1]["severities"].values())


def test_one_with_who_said_what(service: Service):
    with service.ctx.db.transaction() as conn:
        both = next(
            row[0]
            for row in conn.execute(
                "SELECT name FROM catalog.vulnerabilities WHERE sources @> '{osv,gitlab}' ORDER BY name"
            )
        )
        found = queries.get(conn, both)
    one = ask(service, f"{PATH}/{both}").json
    assert one["document"] == json.loads(found.document)
    assert one["name"] == both
    assert set(one["names"]) >= {both}
    assert {claim["source"] for claim in one["claims"]} == {"osv", "gitlab"}
    words = {entry["field"]: entry for entry in one["provenance"]}
    assert words["summary"]["by"]["value"] == one["document"]["summary"]
    assert any(entry["against"] for entry in words.values())
    other = next(name for name in one["names"] if name != both)
    assert ask(service, f"{PATH}/{other.lower()}").json["name"] == both
    missing = ask(service, f"{PATH}/CVE-1999-99999")
    assert (missing.status, "no vulnerability is known as" in missing.json["detail"]) == (404, True)


def test_raw_claims_come_as_their_source_wrote_them(service: Service):
    with service.ctx.db.transaction() as conn:
        name, record = conn.execute(
            "SELECT v.name, c.record_id FROM catalog.vulnerabilities AS v JOIN catalog.claims AS c "
            "ON c.id = ANY(v.claim_ids) WHERE c.source = 'gitlab' ORDER BY v.name LIMIT 1"
        ).fetchone()
    assert "/" in record
    raw = service.get(f"{PATH}/{name}/claims/gitlab/{record}")
    assert (raw.status, raw.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    assert b"identifier:" in raw.body
    edge = service.get(f"{PATH}/{EDGE}/claims/osv/{EDGE}")
    assert (edge.headers["content-type"], edge.json["id"]) == ("application/json", EDGE)
    assert edge.headers["x-content-type-options"] == "nosniff"
    assert service.get(f"{PATH}/{EDGE}/claims/gitlab/{record}").status == 404
    listed = ask(service, f"{PATH}/{EDGE}/claims").json["claims"]
    assert [claim["record_id"] for claim in listed] == [EDGE]


def test_remediated_until_somebody_takes_it_back(service: Service):
    path = f"{PATH}/SNYK-JS-EDGE-1/remediation"
    before = ask(service, f"{PATH}/counts").json["remediated"]
    told = service.post(path, {"note": "upgraded\x00"})
    assert (told.status, told.json["note"], told.json["remediated_by"]) == (200, "upgraded", "ada")
    assert ask(service, f"{PATH}/{EDGE}").json["remediation"] == told.json
    assert names(ask(service, remediated="true")) == [EDGE]
    assert ask(service, f"{PATH}/counts").json["remediated"] == before + 1
    rebuild(service.ctx, lambda *_: None)
    assert ask(service, f"{PATH}/{EDGE}").json["remediation"] == told.json
    assert names(ask(service, remediated="true")) == [EDGE]
    assert service.ask("DELETE", path).status == 204
    assert service.ask("DELETE", path).status == 404
    assert names(ask(service, remediated="true")) == []
    with service.ctx.db.transaction() as conn:
        noted = conn.execute(
            "SELECT name, action, subject FROM auth.audit WHERE subject = %s ORDER BY id DESC LIMIT 2",
            (EDGE,),
        ).fetchall()
        assert set(queries.find_faults(conn).values()) == {0}
    assert noted == [("ada", "catalog.unremediate", EDGE), ("ada", "catalog.remediate", EDGE)]
    assert service.post(path, {"not": "so"}).status == 400


def test_a_decision_merges_and_can_be_taken_back(service: Service):
    wanted = {"kind": "ban", "left": EDGE, "right": "SNYK-JS-EDGE-1", "reason": "two things"}
    told = service.post("/v1/decisions", wanted)
    assert told.status == 202
    assert told.json["url"] == f"/v1/jobs/{told.json['job']}"
    (kept,) = ask(service, "/v1/decisions").json["decisions"]
    assert (kept["kind"], kept["reason"], kept["decided_by"]) == ("ban", "two things", "ada")
    merge(service.ctx, lambda *_: None)
    assert "SNYK-JS-EDGE-1" not in ask(service, f"{PATH}/{EDGE}").json["names"]
    history = ask(service, f"{PATH}/{EDGE}/history", limit=1).json
    assert history["history"][0]["differences"] == [
        {"field": "aliases", "before": ["SNYK-JS-EDGE-1"], "after": None}
    ]
    older = ask(service, f"{PATH}/{EDGE}/history", before=history["next_before"]).json
    assert older["history"][-1]["what"] == "added"
    assert service.ask("DELETE", f"/v1/decisions/SNYK-JS-EDGE-1/{EDGE}").status == 202
    assert service.ask("DELETE", f"/v1/decisions/SNYK-JS-EDGE-1/{EDGE}").status == 404
    merge(service.ctx, lambda *_: None)
    assert "SNYK-JS-EDGE-1" in ask(service, f"{PATH}/{EDGE}").json["names"]
    assert service.post("/v1/decisions", {**wanted, "right": EDGE}).status == 409


def test_viewers_look_and_change_nothing(service: Service, someone: Someone):
    try:
        someone.role = Role.VIEWER
        assert ask(service, limit=1).status == 200
        assert service.post(f"{PATH}/{EDGE}/remediation", {}).status == 403
        assert service.post("/v1/decisions", {}).status == 403
    finally:
        someone.role = Role.ANALYST


def test_an_item_of_a_list_is_what_its_page_says(service: Service):
    (item,) = ask(service, q=EDGE).json["vulnerabilities"]
    one = service.get(item["url"]).json
    same = set(item) & set(one) - {"summary"}
    assert len(same) > 10
    assert {name: item[name] for name in same} == {name: one[name] for name in same}


def test_what_is_encoded_is_json(service: Service):
    assert msgspec.json.decode(ask(service, limit=1000).body)
