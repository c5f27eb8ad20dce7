"""`/v1/scans`, `/v1/inventories`, `/v1/hits`."""

import gzip
import json

import pytest

from assay.auth.model import Kind, Principal, Role
from assay.bootstrap import Context
from web_service import Service, running_service

LOCK = json.dumps(
    {
        "name": "shop",
        "lockfileVersion": 3,
        "packages": {
            "": {"dependencies": {"edge": "1.2.3"}},
            "node_modules/edge": {"version": "1.2.3"},
            "node_modules/harmless": {"version": "1.0.0"},
        },
    }
).encode()


@pytest.fixture(scope="module")
def service(synced: Context):
    with running_service(synced, identify=lambda _: Principal(Kind.PERSON, "ada", Role.ANALYST, 1)) as found:
        yield found


def test_a_lockfile_is_scanned_and_nothing_kept(service: Service):
    answer = service.post("/v1/scans?filename=shop/package-lock.json", LOCK)
    assert answer.status == 200
    assert answer.json["verdict"] == "findings"
    assert [one["vulnerability"]["id"] for one in answer.json["findings"]] == ["GHSA-edge-edge-0003"]
    assert answer.json["files"][0]["path"] == "shop/package-lock.json"
    low = service.post("/v1/scans?filename=package-lock.json&fail_on=kev", LOCK)
    assert low.json["verdict"] != "findings"
    packed = service.ask(
        "POST", "/v1/scans?filename=package-lock.json", gzip.compress(LOCK), Content_Encoding="gzip"
    )
    assert len(packed.json["findings"]) == 1
    assert service.get("/v1/inventories").json == {"inventories": []}


@pytest.mark.parametrize(
    ("report", "kind"),
    [
        ("sarif", "application/sarif+json"),
        ("cyclonedx", "application/vnd.cyclonedx+json"),
        ("openvex", "application/json"),
        ("markdown", "text/markdown; charset=utf-8"),
        ("html", "text/html; charset=utf-8"),
    ],
)
def test_a_scan_comes_as_the_report_that_is_asked_for(service: Service, report: str, kind: str):
    answer = service.post(f"/v1/scans?filename=package-lock.json&report={report}", LOCK)
    assert (answer.status, answer.headers["content-type"]) == (200, kind)
    assert b"GHSA-edge-edge-0003" in answer.body
    assert ("content-disposition" in answer.headers) is (report == "html")


def test_what_cannot_be_read_is_refused(service: Service):
    told = service.post("/v1/scans", b"nothing at all")
    assert (told.status, "unknown-format" in told.json["detail"]) == (400, True)
    broken = service.post("/v1/scans?filename=package-lock.json", b"{")
    assert (broken.status, "package-lock" in broken.json["detail"]) == (400, True)
    assert service.post("/v1/scans?filename=package-lock.json&report=pdf", LOCK).status == 400


def test_an_inventory_is_kept_asked_and_forgotten(service: Service):
    kept = service.ask("PUT", "/v1/inventories/my%20shop?filename=package-lock.json", LOCK)
    assert kept.json == {"name": "my shop", "packages": 2, "is_changed": True}
    again = service.ask("PUT", "/v1/inventories/my%20shop?filename=package-lock.json", LOCK)
    assert again.json["is_changed"] is False
    whole = service.get("/v1/inventories/my%20shop").json
    assert [(one["name"], one["files"]) for one in whole["contents"]] == [
        ("edge", ["package-lock.json"]),
        ("harmless", ["package-lock.json"]),
    ]
    assert service.get("/v1/hits?inventory=my%20shop").json == {"hits": []}
    hits = service.get("/v1/hits?after=0").json["hits"]
    assert [(one["name"], one["vulnerability"]["name"]) for one in hits] == [("edge", "GHSA-edge-edge-0003")]
    assert service.get("/v1/hits?since=2000-01-01").json["hits"] == hits
    assert service.get("/v1/hits?after=0&since=2000-01-01").status == 400
    assert "a day such as" in service.get("/v1/hits?since=2000").json["detail"]
    assert service.get("/v1/hits?inventory=none").status == 404
    assert service.ask("DELETE", "/v1/inventories/my%20shop").status == 204
    assert service.ask("DELETE", "/v1/inventories/my%20shop").status == 404
    with service.ctx.db.transaction() as conn:
        noted = conn.execute("SELECT action, subject FROM auth.audit ORDER BY id").fetchall()
    assert noted == [("packages.keep", "my shop")] * 2 + [("packages.forget", "my shop")]


def test_an_empty_catalog_calls_nothing_clean(make_context):
    ctx = make_context()
    with running_service(ctx, identify=lambda _: Principal(Kind.PERSON, "ada", Role.VIEWER, 1)) as service:
        told = service.post("/v1/scans?filename=package-lock.json", LOCK)
        assert (told.status, "catalog is empty" in told.json["detail"]) == (409, True)
        assert service.ask("PUT", "/v1/inventories/x?filename=package-lock.json", LOCK).status == 403
