"""Configuration archives by HTTP: who may, what is answered, and that a worker's work is seen."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from fastapi import Request
from starlette.testclient import TestClient

from assay.auth.model import PUBLIC, Kind, Principal, Role
from assay.bootstrap import Context, build
from assay.pipelines.configs.commands import uploading
from assay.pipelines.configs.model import Run
from assay.settings import Settings
from assay.web.app import create_app
from conftest import Server, _create, _drop
from pipelines.configs.counting import count_archive

SAMPLE = Path(__file__).parents[2] / "sample" / "splunk-etc.tar.gz"


def identify(request: Request) -> Principal:
    """Who the tests say they are."""
    role = request.headers.get("x-role")
    return PUBLIC if role is None else Principal(Kind.TOKEN, f"a {role}", Role(role), 7)


@pytest.fixture(scope="module")
def ctx(server: Server, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Context]:
    name = f"{template}_web_configs"
    _create(server, name, template)
    settings = Settings(
        home=tmp_path_factory.mktemp("web"), database_url=server.database_url(name), processes=1
    )  # type: ignore[call-arg]  # the settings check themselves
    with build(settings) as made:
        yield made
    _drop(server, name)


@pytest.fixture(scope="module")
def client(ctx) -> Iterator[TestClient]:
    with TestClient(create_app(ctx, identify), headers={"x-role": "analyst"}) as made:
        yield made


def send(
    client: TestClient, content: bytes, name: str = "etc.tar.gz", role: str = "analyst", **fields: str
) -> Any:
    return client.post("/v1/uploads", files={"file": (name, content)}, data=fields, headers={"x-role": role})


@pytest.fixture(scope="module")
def run(ctx, client) -> Run:
    """The sample, uploaded by HTTP and parsed."""
    answer = send(client, SAMPLE.read_bytes(), "C:\\backup\\etc.tar.gz", type="ds_etc", label="nightly")
    assert answer.status_code == 202
    told = answer.json()
    assert (told["status"], told["kind"], told["file_name"], told["uploaded_by"]) == (
        *("stored", "ds_etc", "etc.tar.gz"),
        "a analyst",
    )
    assert client.get(told["url"]).json()["status"] == "stored"
    with ctx.db.transaction() as conn:
        noted = conn.execute("SELECT action, name, detail FROM auth.audit WHERE subject = %s", (told["id"],))
        [(action, name, detail)] = noted.fetchall()
    assert (action, name, detail["label"]) == ("configs.upload", "a analyst", "nightly")
    from assay.pipelines.configs import queries

    with ctx.db.transaction() as conn:
        found = queries.find_run(conn, told["id"])
    return uploading.parse_now(ctx, found, lambda _: None)


def test_a_run_tells_how_far_it_is(client, run):
    told = client.get(f"/v1/runs/{run.id}").json()
    assert told["status"] == "complete"
    files, settings = count_archive(SAMPLE)
    assert (told["counts"]["files"], told["counts"]["settings"]) == (files, settings)
    assert told["seconds"] >= 0
    assert client.get(f"/v1/runs/{uuid4()}").status_code == 404
    [listed] = client.get("/v1/configs/runs?label=nightly").json()["runs"]
    assert listed == told
    again = send(client, SAMPLE.read_bytes(), type="ds_etc", label="nightly")
    assert (again.status_code, again.json()["id"], again.json()["is_new"]) == (200, str(run.id), False)


def test_the_questions(client, run):
    at = f"/v1/configs/runs/{run.id}"
    found = client.get(f"{at}/effective/inputs", params={"stanza": "monitor:///var/log/secure"}).json()
    [stanza] = found["stanzas"]
    [index] = [one for one in stanza["settings"] if one["key"] == "index"]
    assert (index["value"], index["shadowed"][0]["value"]) == ("os", "security")
    listing = client.get(f"{at}/effective/inputs", params={"format": "btool"}).text
    assert "/opt/splunk/etc/system/local/inputs.conf" in listing
    assert client.get(f"{at}/effective/outputs?format=csv").text.startswith("conf,stanza,key,")
    [hit] = client.get(f"{at}/search?q=webb_typo").json()["hits"]
    assert hit["stanza"] == "org_web_index"
    assert client.get(f"{at}/objects/outputs").json()["objects"]
    assert {one["name"] for one in client.get(f"{at}/apps").json()["apps"]} >= {"ThreatHunting"}
    classes = client.get(
        f"{at}/serverclasses", params={"client": "web1.example.test,,,,,linux-x86_64"}
    ).json()
    assert list(classes["clients"]["web1.example.test"]) == [
        *("Splunk_TA_nix", "this_app_does_not_exist", "org_all_outputs", "org_web_inputs")
    ]
    graph = client.get(f"{at}/routing").json()
    assert {node["kind"] for node in graph["nodes"]} >= {"input", "index", "output", "transform"}
    assert client.get(f"{at}/routing?format=mermaid&around=secure").text.startswith("flowchart LR")
    assert {one["rule"] for one in client.get(f"{at}/lint").json()["findings"]} >= {"missing-app"}
    assert client.get(f"{at}/report").headers["content-type"].startswith("text/markdown")
    assert client.get(f"{at}/confs").json()["confs"]
    same = client.get("/v1/configs/diff", params={"before": run.id, "after": run.id, "effective": True})
    assert same.json() == {"differences": []}


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("effective/nothing", 404),
        ("effective/inputs?target=moon", 400),
        ("effective/inputs?format=xml", 400),
        ("search", 400),
        ("search?regex=(", 400),
        ("objects/limits", 404),
    ],
)
def test_questions_that_make_no_sense(client, run, path, status):
    answer = client.get(f"/v1/configs/runs/{run.id}/{path}")
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"]


def test_who_may(ctx, run):
    with TestClient(create_app(ctx, identify)) as nobody:
        for path in (f"/v1/runs/{run.id}", "/v1/configs/runs", f"/v1/configs/runs/{run.id}/lint"):
            assert nobody.get(path).status_code == 401
            assert nobody.get(path, headers={"x-role": "viewer"}).status_code == 200
        # Who may not is told so before a byte of the upload is kept.
        kept = sorted(ctx.uploads.root.rglob("*"))
        assert nobody.post("/v1/uploads", files={"file": ("a.conf", b"k = v")}).status_code == 401
        assert send(nobody, b"k = v", "a.conf", role="viewer").status_code == 403
        assert nobody.delete(f"/v1/configs/runs/{run.id}", headers={"x-role": "viewer"}).status_code == 403
        assert sorted(ctx.uploads.root.rglob("*")) == kept


def test_uploads_that_are_none(client):
    assert send(client, b"").status_code == 400
    assert "no type of upload" in send(client, b"k = v", "a.conf", type="moon").json()["detail"]
    assert client.post("/v1/uploads", json={}).status_code == 415
    assert client.post("/v1/uploads", files={"other": ("a", b"x")}).status_code == 400
    broken = {"content-type": "multipart/form-data; boundary=x"}
    assert client.post("/v1/uploads", content=b"--y\r\nno", headers=broken).status_code == 400


def test_an_upload_that_is_too_large(client, monkeypatch):
    monkeypatch.setattr(uploading, "MOST_BYTES", 1000)
    answer = send(client, bytes(3 << 20))
    assert answer.status_code == 413
    assert "at most" in answer.json()["detail"]


def test_a_run_that_waits_and_one_that_failed(ctx, client):
    told = send(client, b"no archive at all", "x.tar", label="broken").json()
    assert client.get(f"/v1/configs/runs/{told['id']}/lint").status_code == 409
    from assay.errors import Permanent
    from assay.pipelines.configs import queries

    with ctx.db.transaction() as conn:
        found = queries.find_run(conn, told["id"])
    with pytest.raises(Permanent):
        uploading.parse_now(ctx, found, lambda _: None)
    shown = client.get(f"/v1/runs/{told['id']}").json()
    assert shown["status"] == "failed"
    assert "no archive" in shown["error"]
    gone = client.delete(f"/v1/configs/runs/{told['id']}")
    assert json.loads(gone.content) == {"deleted": told["id"], "label": "broken"}
    assert client.get(f"/v1/runs/{told['id']}").status_code == 404
