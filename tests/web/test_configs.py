"""Configuration archives by HTTP: who may, what is answered, and that a worker's work is seen."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import schemathesis
from fastapi import Request
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.strategies import booleans
from schemathesis.specs.openapi.checks import content_type_conformance, status_code_conformance
from starlette.testclient import TestClient

from assay.auth.model import PUBLIC, Kind, Principal, Role
from assay.bootstrap import Context, build
from assay.pipelines.advisories.commands import Request as SyncRequest
from assay.pipelines.advisories.commands import sync
from assay.pipelines.configs.commands import uploading
from assay.pipelines.configs.model import Run
from assay.settings import Settings
from assay.web.app import create_app
from conftest import Server, _create, _drop
from pipelines.configs.counting import count_archive

SAMPLE = Path(__file__).parents[2] / "sample" / "splunk-etc.tar.gz"
CVES = Path(__file__).parents[1] / "pipelines" / "configs" / "splunk-cves.zip"


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
        done = sync(
            made,
            {"cve": SyncRequest(origin=str(CVES))},
            retention=settings.retention,
            progress=lambda *_: None,
        )
        assert done.is_good, done
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
    assert client.get("/v1/configs/runs?label=nightly&limit=1").json()["next_cursor"] is None
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
        ("search?q=%00", 400),
        ("effective/%00", 404),
    ],
)
def test_questions_that_make_no_sense(client, run, path, status):
    answer = client.get(f"/v1/configs/runs/{run.id}/{path}")
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"]


def test_texts_that_the_database_cannot_hold_are_looked_up_without_what_it_cannot(client, run):
    at = f"/v1/configs/runs/{run.id}"
    [stanza] = client.get(f"{at}/effective/in%00puts?stanza=monitor:///var/log/secure%00").json()["stanzas"]
    assert stanza["line"] == 16
    [hit] = client.get(f"{at}/search?q=webb_typo&conf=transforms%00&app=000_org_base%00").json()["hits"]
    assert hit["stanza"] == "org_web_index"
    assert client.get("/v1/configs/runs?label=nightly%00").json()["runs"]


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
    assert (
        client.post("/v1/uploads", content=b"k = v", headers={"content-type": "text/plain"}).status_code
        == 415
    )
    broken = {"content-type": "multipart/form-data; boundary=x"}
    assert client.post("/v1/uploads", content=b"--y\r\nno", headers=broken).status_code == 400


def test_a_file_name_that_the_database_cannot_hold(client):
    content = (
        b'--x\r\nContent-Disposition: form-data; name="label"\r\n\r\nodd\r\n'
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="a\x00.conf"\r\n\r\nk = v\r\n--x--\r\n'
    )
    answer = client.post(
        "/v1/uploads", content=content, headers={"content-type": "Multipart/Form-Data; boundary=x"}
    )
    assert (answer.status_code, answer.json()["file_name"], answer.json()["label"]) == (202, "a.conf", "odd")


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


def told(client: TestClient) -> dict[str, Any]:
    """What the interface's description says of configuration archives, by path and method."""
    paths = client.get("/openapi.json").json()["paths"]
    return {
        path: methods
        for path, methods in paths.items()
        if path.startswith(("/v1/configs", "/v1/uploads", "/v1/runs/"))
    }


def test_everything_that_can_be_asked_is_described(client):
    described = [(path, *one) for path, methods in told(client).items() for one in methods.items()]
    assert len(described) == 14
    for path, method, operation in described:
        name = f"{method} {path}"
        assert operation["summary"], name
        assert operation["tags"] == ["Configurations"], name
        assert all(one.get("description") for one in operation.get("parameters", ())), name
        assert {"401", "403", "default"} <= operation["responses"].keys(), name
        assert ("{run_id}" in path) <= ("404" in operation["responses"]), name
        good = [answer for code, answer in operation["responses"].items() if code.startswith("2")]
        assert good, name
        for answer in good:
            assert answer["description"], name
            assert all(content["example"] for content in answer["content"].values()), name


# Of the moment, and of whoever uploads.
CHANGING = {"id", "job", "uploaded_by", "uploaded_at", "started_at", "completed_at", "seconds"}


def is_part(example: Any, answer: Any) -> bool:
    """Whether an answer has all that an example shows, under the same names; its lists may be longer."""
    if isinstance(example, dict):
        # FastAPI leaves what is null out of its description.
        if not isinstance(answer, dict) or example.keys() != {
            name for name in answer if answer[name] is not None
        }:
            return False
        return all(name in CHANGING or is_part(value, answer[name]) for name, value in example.items())
    if isinstance(example, list):
        return isinstance(answer, list) and all(any(is_part(one, each) for each in answer) for one in example)
    return bool(example == answer)


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/v1/runs/{run_id}", ""),
        ("/v1/configs/runs", "?label=nightly"),
        ("/v1/configs/runs/{run_id}/confs", ""),
        ("/v1/configs/runs/{run_id}/effective/{conf}", "?stanza=monitor:///var/log/secure"),
        ("/v1/configs/runs/{run_id}/search", "?q=webb_typo"),
        ("/v1/configs/runs/{run_id}/routing", "?around=secure"),
        ("/v1/configs/runs/{run_id}/objects/{kind}", ""),
        ("/v1/configs/runs/{run_id}/apps", ""),
        ("/v1/configs/runs/{run_id}/serverclasses", "?client=web1.example.test,,,,,linux-x86_64"),
        ("/v1/configs/runs/{run_id}/lint", ""),
    ],
)
def test_the_examples_are_found_in_answers_about_the_sample(client, run, path, asked):
    good = told(client)[path]["get"]["responses"]["200"]["content"]["application/json"]
    answer = client.get(path.format(run_id=run.id, conf="inputs", kind="outputs") + asked).json()
    assert is_part(good["example"], answer)


def test_the_examples_of_texts_are_lines_of_answers_about_the_sample(client, run):
    path = "/v1/configs/runs/{run_id}/effective/{conf}"
    content = told(client)[path]["get"]["responses"]["200"]["content"]
    for kind, name in (("text/csv", "csv"), ("text/plain", "btool")):
        asked = {"stanza": "monitor:///var/log/secure", "format": name}
        answer = client.get(path.format(run_id=run.id, conf="inputs"), params=asked)
        assert answer.headers["content-type"].startswith(kind)
        assert set(content[kind]["example"].splitlines()) <= set(answer.text.splitlines())


def test_the_example_of_a_difference(ctx, client):
    from assay.pipelines.configs import queries

    ids = []
    for index in ("security", "os"):
        content = f"[monitor:///var/log/secure]\nindex = {index}\n".encode()
        sent = send(client, content, "inputs.conf", type="single_conf").json()
        with ctx.db.transaction() as conn:
            stored = queries.find_run(conn, sent["id"])
        ids.append(uploading.parse_now(ctx, stored, lambda _: None).id)
    good = told(client)["/v1/configs/diff"]["get"]["responses"]["200"]["content"]["application/json"]
    answer = client.get("/v1/configs/diff", params={"before": ids[0], "after": ids[1]})
    assert answer.json() == good["example"]


def test_questions_keep_to_their_description_whatever_is_asked(client, run):
    schema = schemathesis.openapi.from_dict(client.get("/openapi.json").json())
    tried = set()
    for result in schema.include(path_regex="^/v1/configs/", method="GET").get_all_operations():
        operation = result.ok()

        @settings(
            max_examples=6,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(), is_known=booleans())
        def asked(case: schemathesis.Case, is_known: bool) -> None:
            # Nobody guesses a run's id.
            if is_known and "run_id" in case.path_parameters:
                case.path_parameters["run_id"] = str(run.id)
            answer = client.get(case.formatted_path, params=case.query)
            assert answer.status_code < 500, case.formatted_path
            case.validate_response(answer, checks=[status_code_conformance, content_type_conformance])

        asked()
        tried.add(operation.label)
    assert len(tried) == 11
