"""`/v1/products`, the filter that goes with it, and the page."""

import json
from collections.abc import Iterator

import pytest

from assay.auth.model import Role
from assay.catalog.model import Product
from assay.jobs.deferring import defer
from assay.pipelines.feeds.tasks import watching
from factories import a_claim, an_affected, reading_claims, take
from jobs import hands
from web_service import Service, running_service


@pytest.fixture
def service(make_context) -> Iterator[Service]:
    ctx = reading_claims(make_context())
    take(
        ctx,
        a_claim("GHSA-aaaa-aaaa-aaaa", affected=(an_affected("lodash", ecosystem="npm"),)),
        a_claim("GHSA-bbbb-bbbb-bbbb", affected=(an_affected("tar", ecosystem="npm"),)),
        a_claim("CVE-2024-1", source="cve", products=(Product(vendor="Fortinet", product="FortiOS"),)),
    )
    with running_service(ctx, Role.ANALYST) as found:
        yield found


def looked(service: Service) -> None:
    ctx = service.ctx
    with ctx.db.transaction() as conn:
        defer(conn, watching.watch)
        ticket = hands.take(conn, hands.a_worker(conn))
    watching.look(ctx, hands.held(ticket, ctx.db))
    with ctx.db.transaction() as conn:
        hands.finish(conn, ticket)


def add(service: Service, **named: str):
    return service.ask("POST", "/v1/products", json.dumps(named).encode(), Content_Type="application/json")


def names(service: Service, query: str) -> set[str]:
    answer = service.get(f"/v1/vulnerabilities?{query}")
    assert answer.status == 200, answer.body
    return {one["name"] for one in answer.json["vulnerabilities"]}


def test_products_are_added_listed_and_removed(service):
    made = add(service, vendor="Fortinet", note="edge")
    assert (made.status, made.json["shown"], made.json["touched"], made.json["origin"]) == (
        201, "Fortinet", None, "person",
    )  # fmt: skip
    assert (add(service, vendor=" Fortinet ").status, add(service, vendor="Fortinet").json["id"]) == (
        200,
        made.json["id"],
    )
    assert add(service, purl="pkg:npm/lodash@4.17.20").json["shown"] == "pkg:npm/lodash"
    told = service.get("/v1/products?limit=1").json
    assert ([one["shown"] for one in told["products"]], told["total"]) == (["Fortinet"], 2)
    told = service.get(f"/v1/products?limit=1&after={told['next_after']}").json
    assert ([one["shown"] for one in told["products"]], told["next_after"]) == (["pkg:npm/lodash"], None)
    assert [one["shown"] for one in service.get("/v1/products?q=LODASH").json["products"]] == [
        "pkg:npm/lodash"
    ]
    path = f"/v1/products/{made.json['id']}"
    assert service.get(path).json["note"] == "edge"
    assert service.ask("DELETE", path).status == 204
    assert service.ask("DELETE", path).status == 404
    assert service.get(path).status == 404
    assert service.get("/v1/products?after=99").status == 404


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ({}, "name a vendor, a product or a purl"),
        ({"purl": "lodash"}, "is no package URL"),
        ({"vendor": "n/a"}, "the name of no vendor"),
        ({"vendor": "x", "other": "y"}, "invalid JSON"),
    ],
)
def test_what_cannot_be_watched_is_told(named, said, service):
    told = add(service, **named)
    assert told.status == 400
    assert said in told.json["detail"]


def test_a_csv_is_imported_line_by_line(service):
    content = b"vendor;product;purl\nFortinet;;\n;;nonsense\n;;pkg:npm/tar\n"
    told = service.ask("POST", "/v1/products/import", content, Content_Type="text/csv")
    assert (told.status, told.json["added"], told.json["known"]) == (200, 2, 0)
    assert [(one["line"], one["text"]) for one in told.json["refused"]] == [(3, ", , nonsense")]
    for bad in (b"", b"\xff\xfe", b" \n"):
        assert service.ask("POST", "/v1/products/import", bad, Content_Type="text/csv").status == 400


def test_the_packages_of_a_kept_scan(service):
    asked = json.dumps({"inventory": "shop"}).encode()
    assert (
        service.ask("POST", "/v1/products/from-inventory", asked, Content_Type="application/json").status
        == 404
    )
    with service.ctx.db.transaction() as conn:
        from assay.pipelines.packages.commands.keeping import save
        from assay.pipelines.packages.commands.reading import read_content

        read = read_content("requirements.txt", b"tar==1.0\nflask==1.0\n")
        save(conn, "shop", read.inventories, service.ctx.clock())
    told = service.ask("POST", "/v1/products/from-inventory", asked, Content_Type="application/json").json
    assert (told["added"], told["refused"]) == (2, [])
    listed = service.get("/v1/products").json["products"]
    assert {(one["shown"], one["origin"], one["note"]) for one in listed} == {
        ("pkg:pypi/tar", "scan", "from inventory shop"), ("pkg:pypi/flask", "scan", "from inventory shop"),
    }  # fmt: skip


def test_lists_counts_and_exports_are_narrowed_and_never_out_of_date(service):
    every = {"GHSA-aaaa-aaaa-aaaa", "GHSA-bbbb-bbbb-bbbb", "CVE-2024-1"}
    assert names(service, "monitored=true") == set()
    assert names(service, "monitored=false") == every
    key = add(service, purl="pkg:npm/lodash").json["id"]
    add(service, vendor="Fortinet")
    looked(service)
    assert names(service, "monitored=true") == {"GHSA-aaaa-aaaa-aaaa", "CVE-2024-1"}
    assert names(service, "monitored=false") == {"GHSA-bbbb-bbbb-bbbb"}
    assert names(service, "") == every
    assert service.get("/v1/vulnerabilities/counts?monitored=true").json["total"] == 2
    assert service.get("/v1/vulnerabilities.csv?monitored=true").body.count(b"\n") == 3
    first = service.get("/v1/vulnerabilities?monitored=true")
    unchanged = service.ask("GET", "/v1/vulnerabilities?monitored=true", If_None_Match=first.headers["etag"])
    assert unchanged.status == 304
    service.ask("DELETE", f"/v1/products/{key}")
    assert names(service, "monitored=true") == {"CVE-2024-1"}


def test_the_pages_show_and_filter_them(service):
    add(service, vendor="Fortinet", note="<b>edge</b>")
    assert b"being looked for" in service.get("/products").body
    looked(service)
    page = service.get("/products").body.decode()
    assert "Fortinet" in page
    assert "&lt;b&gt;edge&lt;/b&gt;" in page
    assert "being looked for" not in page
    listed = service.get("/vulnerabilities?monitored=yes").body.decode()
    assert "CVE-2024-1" in listed
    assert "GHSA-bbbb-bbbb-bbbb" not in listed
    assert "monitored</span>" in listed
    one = service.get("/vulnerabilities/CVE-2024-1").body.decode()
    assert 'class="mark watched">monitored' in one
    assert "monitored</span>" not in service.get("/vulnerabilities/GHSA-bbbb-bbbb-bbbb").body.decode()
    assert service.get("/vulnerabilities?monitored=maybe").status == 400
